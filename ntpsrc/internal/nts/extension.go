package nts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// The extension fields of NTS: a type and a length of 16 bits each, the length including these four
// bytes and being a multiple of four, and a body (RFC 7822 section 3; RFC 8915 section 5).
const (
	fieldUniqueID      = 0x0104 // section 5.3
	fieldCookie        = 0x0204 // section 5.4
	fieldPlaceholder   = 0x0304 // section 5.5
	fieldAuthenticator = 0x0404 // section 5.6

	fieldHead     = 4
	fieldSmallest = 16 // RFC 7822 section 3, of a field that is not encrypted
)

const (
	headerSize   = 48
	uniqueIDSize = 32 // the least that section 5.3 allows
	nonceSize    = 16 // what N_REQ of section 5.6 asks of a request without further padding
	tagSize      = 16

	cookiesMax = 8 // section 5.7
	cookieMin  = fieldSmallest - fieldHead
	cookieMax  = 1024

	// packetMax keeps a request whole on every path: the least MTU of IPv6, less its header and
	// UDP's.
	packetMax = 1280 - 40 - 8
)

// usableCookie reports whether a cookie fills an extension field. Padding is no way out, because
// the server could not tell it from the cookie.
func usableCookie(cookie []byte) bool {
	return len(cookie) >= cookieMin && len(cookie) <= cookieMax && len(cookie)%4 == 0
}

// appendField appends an extension field. The body's length is a multiple of four.
func appendField(to []byte, kind uint16, body []byte) []byte {
	to = binary.BigEndian.AppendUint16(to, kind)
	to = binary.BigEndian.AppendUint16(to, uint16(fieldHead+len(body)))
	return append(to, body...)
}

var errFields = errors.New("its extension fields are malformed")

// field is one extension field of a packet.
type field struct {
	at   int // where it begins
	kind uint16
	body []byte
}

// fields iterates over the extension fields that begin at a place in a packet, each at least
// smallest bytes long. It ends with errFields where they cannot be read.
func fields(packet []byte, at, smallest int) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for at < len(packet) {
			rest := packet[at:]
			length := 0
			if len(rest) >= fieldHead {
				length = int(binary.BigEndian.Uint16(rest[2:]))
			}
			if length < smallest || length%4 != 0 || length > len(rest) {
				yield(field{}, errFields)
				return
			}
			if !yield(field{at, binary.BigEndian.Uint16(rest), rest[fieldHead:length]}, nil) {
				return
			}
			at += length
		}
	}
}

// sealed is the body of an authenticator field, taken apart.
type sealed struct{ nonce, ciphertext []byte }

// parseSealed reads the body of an authenticator: the lengths of nonce and ciphertext, and these
// two, each padded to a multiple of four; further padding is ignored (section 5.6).
func parseSealed(body []byte) (sealed, error) {
	const lengths = 4
	if len(body) < lengths {
		return sealed{}, errFields
	}
	nonce, ciphertext := int(binary.BigEndian.Uint16(body)), int(binary.BigEndian.Uint16(body[2:]))
	rest := body[lengths:]
	if nonce == 0 || ciphertext < tagSize || padded(nonce)+padded(ciphertext) > len(rest) {
		return sealed{}, fmt.Errorf("%w: a nonce of %d and a ciphertext of %d bytes in %d", errFields, nonce, ciphertext, len(rest))
	}
	return sealed{rest[:nonce], rest[padded(nonce):][:ciphertext]}, nil
}

// padded rounds up to a multiple of four.
func padded(length int) int { return (length + 3) &^ 3 }
