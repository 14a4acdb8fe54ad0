// Package extension has the extension fields of NTP (RFC 7822): how they are laid out, and the one
// that is ours, in which a server says what it knows more finely than the header can.
package extension

import (
	"encoding/binary"
	"errors"
	"iter"
)

// A field is a type and a length of 16 bits each, the length including these four bytes and being a
// multiple of four, and a body (RFC 7822 section 7.5).
const (
	HeadSize = 4
	Smallest = 16 // bytes of a field, head included, that is not encrypted
)

// NTSAuthenticator is the type of the field that authenticates what precedes it in a packet, and not
// what follows (RFC 8915 section 5.6).
const NTSAuthenticator = 0x0404

// ErrMalformed says that the fields of a packet cannot be read.
var ErrMalformed = errors.New("its extension fields are malformed")

// Field is one extension field of a packet.
type Field struct {
	At   int // where it begins
	Kind uint16
	Body []byte
}

// Fields iterates over the extension fields that begin at a place in a packet, each at least
// smallest bytes long. It ends with ErrMalformed where they cannot be read, as where a message
// authentication code follows them.
func Fields(packet []byte, at, smallest int) iter.Seq2[Field, error] {
	return func(yield func(Field, error) bool) {
		for at < len(packet) {
			rest := packet[at:]
			length := 0
			if len(rest) >= HeadSize {
				length = int(binary.BigEndian.Uint16(rest[2:]))
			}
			if length < smallest || length%4 != 0 || length > len(rest) {
				yield(Field{}, ErrMalformed)
				return
			}
			if !yield(Field{at, binary.BigEndian.Uint16(rest), rest[HeadSize:length]}, nil) {
				return
			}
			at += length
		}
	}
}

// Append appends an extension field. The body's length is a multiple of four.
func Append(to []byte, kind uint16, body []byte) []byte {
	to = binary.BigEndian.AppendUint16(to, kind)
	to = binary.BigEndian.AppendUint16(to, uint16(HeadSize+len(body)))
	return append(to, body...)
}
