package truetime

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Times and intervals have one text form each, which carries every nanosecond: in a float64, into
// which many JSON parsers read a number, a time of today is off by up to 128 ns. String,
// MarshalText and with it JSON all write this form. The zero value is the empty text, as it is for
// [net/netip.Addr], and String says in words that there is none.

const (
	timeLayout = "2006-01-02T15:04:05.000000000Z"
	taiLayout  = "2006-01-02T15:04:05.000000000TAI"
)

// ParseTime reads a time in the form of RFC 3339, as in "2026-11-20T08:37:48.123456789Z". It may
// have an offset from UTC in place of Z, and up to nine digits of a second. 23:59:60 is refused:
// smeared UTC has no such second.
func ParseTime(s string) (Time, error) {
	ns, err := parseNanoseconds(s)
	if err != nil {
		return 0, fmt.Errorf("truetime: time %.80q: %w", s, err)
	}
	return Time(ns), nil
}

// ParseTAI reads a moment of TAI in the form that [TAI.String] writes, as in
// "2026-11-20T08:38:25.123456789TAI".
func ParseTAI(s string) (TAI, error) {
	ns, err := parseNanosecondsTAI(s)
	if err != nil {
		return 0, fmt.Errorf("truetime: TAI %.80q: %w", s, err)
	}
	return TAI(ns), nil
}

// ParseInterval reads an interval in the form "earliest/latest", each as [ParseTime] reads it. It
// refuses one that is upside down.
func ParseInterval(s string) (Interval, error) {
	earliest, latest, err := parseEnds(s, parseNanoseconds)
	return Interval{Time(earliest), Time(latest)}, err
}

// ParseTAIInterval reads an interval in the form "earliest/latest", each as [ParseTAI] reads it. It
// refuses one that is upside down.
func ParseTAIInterval(s string) (TAIInterval, error) {
	earliest, latest, err := parseEnds(s, parseNanosecondsTAI)
	return TAIInterval{TAI(earliest), TAI(latest)}, err
}

// MarshalText writes t as [Time.String] does, and the zero value as the empty text. JSON and its
// map keys are in this form.
func (t Time) MarshalText() ([]byte, error) { return marshalTime(t, timeLayout) }

// UnmarshalText reads what MarshalText writes. It leaves t alone if it returns an error.
func (t *Time) UnmarshalText(text []byte) error { return unmarshal(t, text, ParseTime) }

// MarshalText writes t as [TAI.String] does, and the zero value as the empty text.
func (t TAI) MarshalText() ([]byte, error) { return marshalTime(t, taiLayout) }

// UnmarshalText reads what MarshalText writes. It leaves t alone if it returns an error.
func (t *TAI) UnmarshalText(text []byte) error { return unmarshal(t, text, ParseTAI) }

// MarshalText writes both ends, "earliest/latest", the form of an ISO 8601 interval, and the zero
// value as the empty text. An interval that is upside down is an error, as it is to UnmarshalText.
func (i Interval) MarshalText() ([]byte, error) {
	return marshalEnds(i.Earliest, i.Latest, timeLayout)
}

// UnmarshalText reads what MarshalText writes. It leaves i alone if it returns an error.
func (i *Interval) UnmarshalText(text []byte) error { return unmarshal(i, text, ParseInterval) }

// MarshalText writes both ends, "earliest/latest", and the zero value as the empty text. An
// interval that is upside down is an error, as it is to UnmarshalText.
func (i TAIInterval) MarshalText() ([]byte, error) {
	return marshalEnds(i.Earliest, i.Latest, taiLayout)
}

// UnmarshalText reads what MarshalText writes. It leaves i alone if it returns an error.
func (i *TAIInterval) UnmarshalText(text []byte) error { return unmarshal(i, text, ParseTAIInterval) }

// format writes t in full, the zero value as the beginning of 1970.
func format[T ~int64](t T, layout string) string { return time.Unix(0, int64(t)).UTC().Format(layout) }

// stringOf is what String returns for a time.
func stringOf[T ~int64](t T, layout string) string {
	if t == 0 {
		return "no time"
	}
	return format(t, layout)
}

// stringOfEnds is what String returns for an interval.
func stringOfEnds[T ~int64](earliest, latest T, layout string) string {
	if earliest == 0 && latest == 0 {
		return "no interval"
	}
	return "[" + format(earliest, layout) + ", " + format(latest, layout) + "]"
}

func marshalTime[T ~int64](t T, layout string) ([]byte, error) {
	if t == 0 {
		return []byte{}, nil
	}
	return []byte(format(t, layout)), nil
}

func marshalEnds[T ~int64](earliest, latest T, layout string) ([]byte, error) {
	switch {
	case earliest == 0 && latest == 0:
		return []byte{}, nil
	case earliest > latest:
		return nil, fmt.Errorf("truetime: interval %s ends before it begins", stringOfEnds(earliest, latest, layout))
	}
	return []byte(format(earliest, layout) + "/" + format(latest, layout)), nil
}

// unmarshal sets v to what parse reads; the empty text is the zero value.
func unmarshal[T any](v *T, text []byte, parse func(string) (T, error)) error {
	var read T
	if len(text) > 0 {
		var err error
		if read, err = parse(string(text)); err != nil {
			return err
		}
	}
	*v = read
	return nil
}

// parseNanoseconds reads the form of RFC 3339, and nothing that is only like it: time.Parse also
// reads an hour of one digit and a decimal comma, and cuts off a tenth digit (go.dev/issue/54580).
func parseNanoseconds(s string) (int64, error) {
	const seconds = len("2006-01-02T15:04:05")
	std, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || s[seconds-6] != ':' || s[seconds] == ',' {
		return 0, errors.New("it is not of the form of RFC 3339, 2006-01-02T15:04:05.000000000Z")
	}
	if _, fraction, _ := strings.Cut(s, "."); digits(fraction) > 9 {
		return 0, errors.New("it has more than nine digits of a second")
	}
	ns, ok := nanoseconds(std)
	if !ok {
		return 0, errors.New("it is outside the years 1678 to 2262")
	}
	return ns, nil
}

// digits counts the digits at the beginning of s.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

func parseNanosecondsTAI(s string) (int64, error) {
	clock, found := strings.CutSuffix(s, "TAI")
	if !found {
		return 0, errors.New("it is not of the form 2006-01-02T15:04:05.000000000TAI")
	}
	return parseNanoseconds(clock + "Z")
}

// nanoseconds returns the nanoseconds since 1970, and whether there are so few.
func nanoseconds(t time.Time) (ns int64, ok bool) {
	if t.Before(time.Unix(0, math.MinInt64)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0, false
	}
	return t.UnixNano(), true
}

func parseEnds(s string, parse func(string) (int64, error)) (earliest, latest int64, err error) {
	first, second, found := strings.Cut(s, "/")
	if !found {
		return 0, 0, fmt.Errorf("truetime: interval %.80q is not of the form earliest/latest", s)
	}
	if earliest, err = parse(first); err != nil {
		return 0, 0, fmt.Errorf("truetime: earliest end of interval %.80q: %w", s, err)
	}
	if latest, err = parse(second); err != nil {
		return 0, 0, fmt.Errorf("truetime: latest end of interval %.80q: %w", s, err)
	}
	if earliest > latest {
		return 0, 0, fmt.Errorf("truetime: interval %.80q ends before it begins", s)
	}
	return earliest, latest, nil
}
