package truetime

import (
	"database/sql"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// everything is a value of each type that has a text form.
type everything struct {
	Time        Time
	TAI         TAI
	Interval    Interval
	TAIInterval TAIInterval
	Seen        map[Time]TAI
	Not         Time `json:",omitzero"`
}

func anyTime() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.Int64Range(1.7e18, 1.9e18), rapid.SampledFrom([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64}))
}

func TestEveryNanosecondRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTime().Draw(t, "a"), anyTime().Draw(t, "b")
		lo, hi := min(a, b), max(a, b)
		want := everything{Time(a), TAI(b), Interval{Time(lo), Time(hi)}, TAIInterval{TAI(lo), TAI(hi)}, map[Time]TAI{Time(a): TAI(b)}, 0}
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got everything
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got)

		value, err := want.Time.Value()
		require.NoError(t, err)
		var scanned Time
		require.NoError(t, scanned.Scan(value))
		require.Equal(t, want.Time, scanned)
		if a != 0 {
			parsed, err := ParseTime(want.Time.String())
			require.NoError(t, err)
			require.Equal(t, want.Time, parsed)
		}
		if b != 0 {
			parsed, err := ParseTAI(want.TAI.String())
			require.NoError(t, err)
			require.Equal(t, want.TAI, parsed)
		}
	})
}

func TestTextIsFullAndInUTC(t *testing.T) {
	at := Time(1763628668_100000000)
	text, err := json.Marshal(everything{
		at, TAI(at), Interval{at, at + 1}, TAIInterval{TAI(at), TAI(at) + 1}, map[Time]TAI{at: TAI(at)}, 0,
	})
	require.NoError(t, err)
	require.Equal(t, `{"Time":"2025-11-20T08:51:08.100000000Z",`+
		`"TAI":"2025-11-20T08:51:08.100000000TAI",`+
		`"Interval":"2025-11-20T08:51:08.100000000Z/2025-11-20T08:51:08.100000001Z",`+
		`"TAIInterval":"2025-11-20T08:51:08.100000000TAI/2025-11-20T08:51:08.100000001TAI",`+
		`"Seen":{"2025-11-20T08:51:08.100000000Z":"2025-11-20T08:51:08.100000000TAI"}}`, string(text))
	require.Equal(t, "[2025-11-20T08:51:08.100000000Z, 2025-11-20T08:51:08.100000001Z]", Interval{at, at + 1}.String())
	require.Equal(t, "1677-09-21T00:12:43.145224192Z", Time(math.MinInt64).String())
	require.Equal(t, "2262-04-11T23:47:16.854775807TAI", TAI(math.MaxInt64).String())
}

// Nothing that is unset is shown as the beginning of 1970.
func TestWhatIsUnsetSaysSo(t *testing.T) {
	for value, want := range map[fmt.Stringer]string{
		Time(0): "no time", TAI(0): "no time", Interval{}: "no interval", TAIInterval{}: "no interval",
	} {
		require.Equal(t, want, value.String())
		text, err := value.(encoding.TextMarshaler).MarshalText()
		require.NoError(t, err)
		require.Empty(t, text)
	}
	for _, unset := range []any{Sample{}, Status{}, SourceStatus{}} {
		require.NotContains(t, fmt.Sprintf("%v %+v", unset, unset), "1970")
	}
	require.Equal(t, "[1970-01-01T00:00:00.000000000Z, 1970-01-01T00:00:00.000000001Z]", Interval{0, 1}.String(), "an end is never unset alone")
}

func TestParseTimeReadsRFC3339AndNothingElse(t *testing.T) {
	for text, want := range map[string]Time{
		"2025-11-20T08:51:08.1Z":              1763628668_100000000,
		"2025-11-20T08:51:08Z":                1763628668_000000000,
		"2025-11-20T09:51:08.123456789+01:00": 1763628668_123456789,
		"1970-01-01T00:00:00Z":                0,
	} {
		got, err := ParseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"":                                    "RFC 3339",
		"yesterday":                           "RFC 3339",
		"2025-11-20":                          "RFC 3339",
		"2025-11-20T08:51:08":                 "RFC 3339",
		"2025-11-20 08:51:08Z":                "RFC 3339",
		"2025-11-20T8:51:08Z":                 "RFC 3339",
		"2025-11-20T08:51:08,5Z":              "RFC 3339",
		"2016-12-31T23:59:60Z":                "RFC 3339",
		"2025-11-20T08:51:08TAI":              "RFC 3339",
		"1763628668000000000":                 "RFC 3339",
		"2025-11-20T08:51:08.1234567891Z":     "more than nine digits",
		"3025-11-20T08:51:08Z":                "outside the years 1678 to 2262",
		"0001-01-01T00:00:00Z":                "outside the years 1678 to 2262",
		"2262-04-11T23:47:16.854775808Z":      "outside the years 1678 to 2262",
		"1677-09-21T00:12:43.145224191Z":      "outside the years 1678 to 2262",
		"2262-04-12T00:47:16.854775808+01:00": "outside the years 1678 to 2262",
	} {
		_, err := ParseTime(text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, strconv.Quote(text))
	}
	for _, text := range []string{"", "TAI", "2025-11-20T08:51:08Z", "2025-11-20T08:51:08ZTAI", "2025-11-20T08:51:08+01:00TAI", "2025-11-20T08:51:08"} {
		_, err := ParseTAI(text)
		require.Error(t, err, text)
	}
}

func TestBadIntervalTextIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-20T08:37:48Z":                        "is not of the form earliest/latest",
		"yesterday/2026-11-20T08:37:48Z":              "earliest end of interval",
		"2026-11-20T08:37:48Z/tomorrow":               "latest end of interval",
		"2026-11-20T08:37:48Z/2026-11-20T08:37:47Z":   "ends before it begins",
		"2026-11-20T08:37:48Z/3026-11-20T08:37:47Z":   "outside the years 1678 to 2262",
		"2026-11-20T08:37:48Z/2026-11-20T08:37:48TAI": "latest end of interval",
	} {
		kept := Interval{1, 2}
		require.ErrorContains(t, kept.UnmarshalText([]byte(text)), want)
		require.Equal(t, Interval{1, 2}, kept)
	}
	_, err := Interval{2, 1}.MarshalText()
	require.ErrorContains(t, err, "ends before it begins")
}

func TestJSONNumberIsNoTime(t *testing.T) {
	kept := Time(7)
	require.Error(t, json.Unmarshal([]byte("1763628668000000000"), &kept))
	require.Equal(t, Time(7), kept)
}

func TestScanReadsWhatDriversReturn(t *testing.T) {
	at := Time(1763628668_123456789)
	for _, source := range []any{int64(at), "1763628668123456789", []byte("1763628668123456789"), at.String(), []byte(at.String()), at.Std(), at.Std().In(time.FixedZone("", 3600))} {
		var got Time
		require.NoError(t, got.Scan(source), "%v", source)
		require.Equal(t, at, got, "%v", source)
	}
	for _, source := range []any{nil, 1.5, true, "", "yesterday", []byte(nil), "99999999999999999999", time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		kept := Time(7)
		require.Error(t, kept.Scan(source), "%v", source)
		require.Equal(t, Time(7), kept)
	}
	var unset Time = 7
	require.NoError(t, unset.Scan(time.Time{}))
	require.True(t, unset.IsZero())

	require.ErrorContains(t, new(Time).Scan(nil), "sql.Null[truetime.Time]")
	var perhaps sql.Null[Time]
	require.NoError(t, perhaps.Scan(nil))
	require.False(t, perhaps.Valid)
	require.NoError(t, perhaps.Scan(int64(at)))
	require.Equal(t, sql.Null[Time]{V: at, Valid: true}, perhaps)
}

func FuzzTimeText(f *testing.F) {
	for _, seed := range []string{
		"2026-11-20T08:37:48.000000001Z", "2026-11-20T08:37:48+14:00", "2026-11-20T08:37:48TAI", "", "1970-01-01T00:00:00Z",
		"2262-04-11T23:47:16.854775808Z", "2016-12-31T23:59:60Z", "2026-11-20T08:37:48.0000000001Z", "123",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzText[Time](t, text)
		fuzzText[TAI](t, text)
		var scanned, parsed Time
		if parsed.UnmarshalText([]byte(text)) == nil && text != "" {
			require.NoError(t, scanned.Scan(text))
			require.Equal(t, parsed, scanned)
		}
	})
}

func FuzzIntervalText(f *testing.F) {
	for _, seed := range []string{
		"2026-11-20T08:37:48.000000001Z/2026-11-20T08:37:48.000000002Z",
		"2026-11-20T08:37:48Z/2026-11-20T08:37:47Z", "/", "", "a/b", "9999-12-31T23:59:59Z/9999-12-31T23:59:59Z",
		"2026-11-20T08:37:48TAI/2026-11-20T08:37:49TAI",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzText[Interval](t, text)
		fuzzText[TAIInterval](t, text)
	})
}

// fuzzText requires that what was read is read again from what is written of it, and that a failed
// attempt changes nothing.
func fuzzText[T interface {
	comparable
	encoding.TextMarshaler
}, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, text string) {
	var first, again, unset T
	if P(&first).UnmarshalText([]byte(text)) != nil {
		require.Equal(t, unset, first)
		return
	}
	out, err := first.MarshalText()
	require.NoError(t, err)
	require.NoError(t, P(&again).UnmarshalText(out))
	require.Equal(t, first, again)
}
