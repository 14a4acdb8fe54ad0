package hlc

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/epsilontime/epsilon/truetime"
)

// Timestamp is a hybrid logical timestamp: nanoseconds since 1970, with the logical part folded in.
// If one event happened before another its timestamp is the smaller integer. The reverse does not
// hold.
//
// Valid timestamps are above zero and reach to the year 2262. The zero value stands for no
// timestamp at all; no form of it can be written or read, and none of a negative one.
type Timestamp int64

// Valid reports whether t is a timestamp.
func (t Timestamp) Valid() bool { return t > 0 }

// IsZero reports whether t is the zero value, no timestamp at all.
func (t Timestamp) IsZero() bool { return t == 0 }

// Before reports whether t is smaller than u. Then u's event did not happen before t's.
func (t Timestamp) Before(u Timestamp) bool { return t < u }

// After reports whether t is greater than u.
func (t Timestamp) After(u Timestamp) bool { return t > u }

// Compare returns −1, 0 or +1 as t is smaller than, the same as or greater than u.
func (t Timestamp) Compare(u Timestamp) int { return cmp.Compare(t, u) }

// Time returns the moment at which t has passed, for commit-wait and to print.
func (t Timestamp) Time() truetime.Time { return truetime.Time(t) }

// String returns the nanoseconds in decimal, which is the text form, whether t is valid or not.
func (t Timestamp) String() string { return strconv.FormatInt(int64(t), 10) }

// ParseTimestamp reads the text form: up to 19 decimal digits, without a sign, space or leading
// zero. The error is [ErrInvalidTimestamp].
func ParseTimestamp(text string) (Timestamp, error) {
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ns <= 0 || text[0] == '0' || text[0] == '+' {
		return 0, fmt.Errorf("%w: %.40q is not a count of nanoseconds between 1 and 9223372036854775807",
			ErrInvalidTimestamp, text)
	}
	return Timestamp(ns), nil
}

// AppendText appends the text form to b.
func (t Timestamp) AppendText(b []byte) ([]byte, error) {
	if err := t.check(); err != nil {
		return b, err
	}
	return strconv.AppendInt(b, int64(t), 10), nil
}

// MarshalText writes the nanoseconds in decimal. As encoding/json uses it, JSON carries a timestamp
// as a string, because a JSON number is a float to many who read it, and those hold only 53 bits.
func (t Timestamp) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// UnmarshalText reads what MarshalText wrote. It leaves t alone if it returns an error.
func (t *Timestamp) UnmarshalText(text []byte) error {
	parsed, err := ParseTimestamp(string(text))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// AppendBinary appends the binary form to b: eight bytes, the most significant first, so that the
// order of the bytes is that of the timestamps.
func (t Timestamp) AppendBinary(b []byte) ([]byte, error) {
	if err := t.check(); err != nil {
		return b, err
	}
	return binary.BigEndian.AppendUint64(b, uint64(t)), nil
}

// MarshalBinary writes the binary form.
func (t Timestamp) MarshalBinary() ([]byte, error) { return t.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary wrote. It leaves t alone if it returns an error.
func (t *Timestamp) UnmarshalBinary(data []byte) error {
	if len(data) != 8 {
		return fmt.Errorf("%w: %d bytes, want 8", ErrInvalidTimestamp, len(data))
	}
	read := Timestamp(binary.BigEndian.Uint64(data))
	if err := read.check(); err != nil {
		return err
	}
	*t = read
	return nil
}

func (t Timestamp) check() error {
	if !t.Valid() {
		return fmt.Errorf("%w: %d is not above zero", ErrInvalidTimestamp, int64(t))
	}
	return nil
}
