package hlc_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/hlc"
)

var invalidTexts = []string{
	"", "0", "-1", "+1", " 1", "1 ", "01", "1.0", "1e3", "0x1", "９", "null", "9223372036854775808", "18446744073709551617", "99999999999999999999",
}

func TestTextKeepsEveryDigit(t *testing.T) {
	for text, want := range map[string]hlc.Timestamp{
		"1": 1, "1767225600000000001": 1767225600000000001, "9223372036854775807": math.MaxInt64,
	} {
		got, err := hlc.ParseTimestamp(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	for _, text := range invalidTexts {
		_, err := hlc.ParseTimestamp(text)
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp, "%q", text)
		kept := hlc.Timestamp(7)
		require.ErrorIs(t, kept.UnmarshalText([]byte(text)), hlc.ErrInvalidTimestamp)
		require.Equal(t, hlc.Timestamp(7), kept)
	}
}

func TestWhatIsNotATimestampIsNotWritten(t *testing.T) {
	for _, invalid := range []hlc.Timestamp{0, -1, math.MinInt64} {
		_, err := invalid.MarshalText()
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		_, err = invalid.MarshalBinary()
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		_, err = invalid.Value()
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		_, err = json.Marshal(invalid)
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
	}
}

func TestTheOrderOfBytesIsTheOrderOfTimestamps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := hlc.Timestamp(rapid.Int64Range(1, math.MaxInt64).Draw(t, "a"))
		b := hlc.Timestamp(rapid.Int64Range(1, math.MaxInt64).Draw(t, "b"))
		x, errX := a.MarshalBinary()
		y, errY := b.MarshalBinary()
		if errX != nil || errY != nil || bytes.Compare(x, y) != cmp.Compare(a, b) || a.Compare(b) != cmp.Compare(a, b) {
			t.Fatalf("%x and %x", x, y)
		}
		var back hlc.Timestamp
		if err := back.UnmarshalBinary(x); err != nil || back != a {
			t.Fatalf("%v became %v: %v", a, back, err)
		}
	})
	for _, data := range [][]byte{nil, {1}, make([]byte, 8), make([]byte, 9), {0x80, 0, 0, 0, 0, 0, 0, 1}} {
		kept := hlc.Timestamp(7)
		require.ErrorIs(t, kept.UnmarshalBinary(data), hlc.ErrInvalidTimestamp)
		require.Equal(t, hlc.Timestamp(7), kept)
	}
}

func TestJSONIsAStringAndSurvives(t *testing.T) {
	type record struct {
		At      hlc.Timestamp            `json:"at"`
		Perhaps hlc.Timestamp            `json:"perhaps,omitzero"`
		Seen    map[hlc.Timestamp]string `json:"seen"`
	}
	want := record{At: math.MaxInt64, Seen: map[hlc.Timestamp]string{12: "x"}}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{"at": "9223372036854775807", "seen": {"12": "x"}}`, string(data))
	var got record
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, want, got)
	require.Error(t, json.Unmarshal([]byte(`{"at": 9007199254740993}`), &got), "a number that a float would not hold")
	require.ErrorIs(t, json.Unmarshal([]byte(`{"at": "-5"}`), &got), hlc.ErrInvalidTimestamp)
}

func TestScanReadsWhatDriversReturn(t *testing.T) {
	value, err := hlc.Timestamp(123).Value()
	require.NoError(t, err)
	for _, source := range []any{value, "123", []byte("123")} {
		var got hlc.Timestamp
		require.NoError(t, got.Scan(source))
		require.Equal(t, hlc.Timestamp(123), got)
	}
	for _, source := range []any{nil, int64(0), int64(-1), "", []byte(nil), 1.5, true, start.Std()} {
		kept := hlc.Timestamp(7)
		require.ErrorIs(t, kept.Scan(source), hlc.ErrInvalidTimestamp, "%v", source)
		require.Equal(t, hlc.Timestamp(7), kept)
	}
	var perhaps sql.Null[hlc.Timestamp]
	require.NoError(t, perhaps.Scan(nil))
	require.False(t, perhaps.Valid)
}

func FuzzParseTimestamp(f *testing.F) {
	for _, text := range append(invalidTexts, "1", "9223372036854775807") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := hlc.ParseTimestamp(text)
		if err != nil {
			require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
			return
		}
		require.True(t, got.Valid())
		require.Equal(t, text, got.String(), "one text for one timestamp")
	})
}

func FuzzUnmarshalBinary(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0xff, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got hlc.Timestamp
		if err := got.UnmarshalBinary(data); err != nil {
			require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
			return
		}
		again, err := got.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{`"1"`, `1`, `null`, `""`, `"9223372036854775808"`, `"\u0031"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got hlc.Timestamp
		if json.Unmarshal(data, &got) != nil || got == 0 { // null leaves it alone
			return
		}
		again, err := json.Marshal(got)
		require.NoError(t, err)
		var back hlc.Timestamp
		require.NoError(t, json.Unmarshal(again, &back))
		require.Equal(t, got, back)
	})
}

func FuzzScan(f *testing.F) {
	f.Add("12", int64(5))
	f.Add("x", int64(-1))
	f.Fuzz(func(t *testing.T, text string, number int64) {
		var fromText, fromBytes, fromNumber hlc.Timestamp
		errText, errBytes := fromText.Scan(text), fromBytes.Scan([]byte(text))
		require.Equal(t, errText == nil, errBytes == nil)
		require.Equal(t, fromText, fromBytes)
		require.Equal(t, number > 0, fromNumber.Scan(number) == nil)
	})
}
