package nts

import (
	"encoding/binary"
	"fmt"

	"github.com/epsilontime/epsilon/internal/extension"
)

// The extension fields of NTS (RFC 8915 section 5).
const (
	fieldUniqueID      = 0x0104 // section 5.3
	fieldCookie        = 0x0204 // section 5.4
	fieldPlaceholder   = 0x0304 // section 5.5
	fieldAuthenticator = extension.NTSAuthenticator
)

const (
	headerSize   = 48
	uniqueIDSize = 32 // the least that section 5.3 allows
	nonceSize    = 16 // what N_REQ of section 5.6 asks of a request without further padding
	tagSize      = 16

	cookiesMax = 8 // section 5.7
	cookieMin  = extension.Smallest - extension.HeadSize
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

// sealed is the body of an authenticator field, taken apart.
type sealed struct{ nonce, ciphertext []byte }

// parseSealed reads the body of an authenticator: the lengths of nonce and ciphertext, and these
// two, each padded to a multiple of four; further padding is ignored (section 5.6).
func parseSealed(body []byte) (sealed, error) {
	const lengths = 4
	if len(body) < lengths {
		return sealed{}, extension.ErrMalformed
	}
	nonce, ciphertext := int(binary.BigEndian.Uint16(body)), int(binary.BigEndian.Uint16(body[2:]))
	rest := body[lengths:]
	if nonce == 0 || ciphertext < tagSize || padded(nonce)+padded(ciphertext) > len(rest) {
		return sealed{}, fmt.Errorf("%w: a nonce of %d and a ciphertext of %d bytes in %d", extension.ErrMalformed, nonce, ciphertext, len(rest))
	}
	return sealed{rest[:nonce], rest[padded(nonce):][:ciphertext]}, nil
}

// padded rounds up to a multiple of four.
func padded(length int) int { return (length + 3) &^ 3 }
