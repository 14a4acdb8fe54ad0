package snapshot

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

type count int8

type some struct {
	number  count
	large   uint64
	rate    float64
	is      bool
	name    string
	a, b    int64
	entries []int
}

func (s *some) fields(l *Lines) {
	n := len(s.entries)
	l.Line("some 1", "number large rate is name both entries", &s.number, &s.large, &s.rate, &s.is, &s.name, List{&s.a, &s.b}, &n)
	l.Require(s.number >= -100, "number %d", s.number)
	Length(l, &s.entries, n, 3)
	for i := range s.entries {
		l.Line("entry", "value", &s.entries[i])
	}
}

func from(lines ...string) func() (string, error) {
	return func() (string, error) {
		if len(lines) == 0 {
			return "", errEnd
		}
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}
}

var errEnd = errors.New("no more lines")

func TestWhatIsWrittenIsRead(t *testing.T) {
	for want, s := range map[string]some{
		"state some 1": {},
		"state some 1 number=-100 large=18446744073709551615 rate=-Inf is=true name=\"a \\\"b=1\\\" \\n\\xff\" both=0,-9223372036854775808": {
			number: -100, large: math.MaxUint64, rate: math.Inf(-1), is: true, name: "a \"b=1\" \n\xff", b: math.MinInt64},
		"state some 1 rate=5e-324":             {rate: math.SmallestNonzeroFloat64},
		"state some 1 rate=0.1":                {rate: 0.1},
		"state some 1 both=1,0":                {a: 1},
		"state some 1 rate=1.0000000000000002": {rate: math.Nextafter(1, 2)},
	} {
		require.Equal(t, want+"\n", string(Write(s.fields)))
		read := some{number: 5, large: 5, rate: 5, is: true, name: "5", a: 5, b: 5}
		require.NoError(t, Read(from(want), read.fields))
		read.entries = nil
		require.Equal(t, s, read)
	}
	long := some{entries: []int{0, 7}}
	require.Equal(t, "state some 1 entries=2\nstate entry\nstate entry value=7\n", string(Write(long.fields)))
	var read some
	require.NoError(t, Read(from("state some 1 entries=2", "state entry", "state entry value=7"), read.fields))
	require.Equal(t, long, read)
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for line, want := range map[string]string{
		"":                                `"", where "state some 1" was to come`,
		"state some 12":                   `"state some 12", where "state some 1" was to come`,
		"state some 1 ":                   `" " is not a field of it, or not in its place`,
		"state some 1 is=true number=1":   `" number=1" is not a field of it, or not in its place`,
		"state some 1 number=1 number=1":  `" number=1" is not a field of it, or not in its place`,
		"state some 1 number=128":         `number=128: strconv.ParseInt: parsing "128": value out of range`,
		"state some 1 number=":            "number=: strconv.ParseInt",
		"state some 1 number=1.0":         "number=1.0: strconv.ParseInt",
		"state some 1 number=-101":        "no clock is in such a state: number -101",
		"state some 1 large=-1":           "large=-1: strconv.ParseUint",
		"state some 1 rate=nan":           "rate=nan: it is not a number",
		"state some 1 rate=1e999":         "rate=1e999: strconv.ParseFloat",
		"state some 1 is=yes":             "is=yes: strconv.ParseBool",
		"state some 1 name=a":             "name=a: invalid syntax",
		"state some 1 name=\"a":           "name=\"a: invalid syntax",
		"state some 1 name=\"a\"b":        `"b" is not a field of it`,
		"state some 1 both=1":             "both=1: it has to be 2 numbers",
		"state some 1 both=1,2,3":         "both=1,2,3: it has to be 2 numbers",
		"state some 1 both=1,x":           "both=1,x: strconv.ParseInt",
		"state some 1 entries=4":          "4 of something of which there are at most 3",
		"state some 1 entries=-1":         "-1 of something",
		"state some 1 entries=1000000000": "1000000000 of something",
		"state some 1 entries=1":          errEnd.Error(),
	} {
		var s some
		require.ErrorContains(t, Read(from(line), s.fields), want, line)
		require.LessOrEqual(t, len(s.entries), 3)
	}
}
