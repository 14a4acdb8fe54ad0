package leap

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

func date(year int, month time.Month, day int) UTC {
	return fromStd(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// listOf writes a table as a leap-seconds.list with a hash that is right, or the one given.
func listOf(t *Table, updated int64, hashLine string) string {
	var text, digits strings.Builder
	fmt.Fprintf(&text, "# made by a test\n#$\t%d\n", updated)
	fmt.Fprint(&digits, updated)
	expiry := int64(t.expiry)/second + ntpEpoch
	fmt.Fprintf(&text, "#@\t%d\n#\n", expiry)
	fmt.Fprint(&digits, expiry)
	for _, e := range t.entries {
		fmt.Fprintf(&text, "%d\t%d\t# %s\n", int64(e.At)/second+ntpEpoch, e.Offset, e.At.Std().Format("2 Jan 2006"))
		fmt.Fprintf(&digits, "%d%d", int64(e.At)/second+ntpEpoch, e.Offset)
	}
	if hashLine == "" {
		sum := sha1.Sum([]byte(digits.String()))
		hashLine = fmt.Sprintf("%x %x %x %x %x", sum[:4], sum[4:8], sum[8:12], sum[12:16], sum[16:])
	}
	fmt.Fprintf(&text, "#h\t%s\n", hashLine)
	return text.String()
}

// with returns the built-in table continued by leap seconds, each one second later or earlier.
func with(expiry UTC, leaps ...decision) *Table {
	entries := BuiltIn().Entries()
	for _, l := range leaps {
		entries = append(entries, Entry{l.at, entries[len(entries)-1].Offset + l.delta})
	}
	t, err := NewTable(entries, expiry, "a test's table")
	if err != nil {
		panic(err)
	}
	return t
}

func TestTheBuiltInTableHasTheHashThatTheIERSPublished(t *testing.T) {
	published := listOf(BuiltIn(), 3992312697, "a9bad145 84c31c70 758402aa b37bfd54 5923836a")
	parsed, err := ParseList(strings.NewReader(published), "leap-seconds.list")
	require.NoError(t, err)
	require.Equal(t, BuiltIn().Entries(), parsed.Entries())
	require.Equal(t, BuiltIn().Expiry(), parsed.Expiry())
	require.Equal(t, 37, parsed.Offset(date(2026, 11, 20)))
	require.Equal(t, 36, parsed.Offset(date(2017, 1, 1)-1))
	require.Equal(t, 10, parsed.Offset(0))
}

func TestTheSystemsTablesAgreeWithTheBuiltInOne(t *testing.T) {
	system := os.DirFS("/usr/share/zoneinfo")
	read, err := ReadSystem(system)
	if err != nil {
		t.Skip("no leap seconds in this system's tz database:", err)
	}
	_, err = Newest(BuiltIn(), read)
	require.NoError(t, err)
}

func TestAbsurdTablesAreErrorsThatNameLineAndReason(t *testing.T) {
	good := listOf(with(date(2030, 6, 28), decision{date(2028, 7, 1), -1}), 3992312697, "")
	_, err := ParseList(strings.NewReader(good), "x")
	require.NoError(t, err)
	lineOf2017 := "line 32: "
	for name, c := range map[string]struct{ old, new, reason string }{
		"a changed digit":        {"3692217600\t37", "3692217600\t35", "line 34: its SHA-1 is"},
		"no hash":                {"#h", "#x", "the line #h with its SHA-1 is missing"},
		"no expiry":              {"#@", "#x", "the line #@"},
		"a bad hash word":        {"#h\t", "#h\tzz", "is not a word"},
		"too few hash words":     {"#h\t", "#h\t1 ", "not one SHA-1"},
		"not a number":           {"3692217600\t37", "36922176oo\t37", lineOf2017 + `"36922176oo" is not a time`},
		"an offset of no number": {"3692217600\t37", "3692217600\tmany", lineOf2017 + `"many" is not`},
		"three columns":          {"3692217600\t37", "3692217600 37 1", lineOf2017 + `"3692217600 37 1\t" is not`},
		"a time beyond reach":    {"3692217600\t37", "99999999999\t37", "is not a time"},
		"two expiries":           {"#$\t3992312697", "#@\t4023129600", "a second line #@"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		require.NotEqual(t, good, bad, name)
		_, err := ParseList(strings.NewReader(bad), "x")
		require.ErrorIs(t, err, ErrTable, name)
		require.ErrorContains(t, err, c.reason, name)
	}
	for name, c := range map[string]struct {
		entries []Entry
		reason  string
	}{
		"empty":          {nil, "no entries"},
		"two seconds":    {[]Entry{{date(2020, 1, 1), 37}, {date(2021, 1, 1), 39}}, "entry 2: TAI−UTC changes from 37 s to 39 s"},
		"none":           {[]Entry{{date(2020, 1, 1), 37}, {date(2021, 1, 1), 37}}, "entry 2: TAI−UTC changes"},
		"mid-month":      {[]Entry{{date(2020, 1, 1), 37}, {date(2021, 1, 2), 38}}, "entry 2: 2021-01-02T00:00:00.000000000Z is not the start of a month"},
		"going back":     {[]Entry{{date(2020, 1, 1), 37}, {date(2019, 1, 1), 38}}, "entry 2: 2019"},
		"expired before": {[]Entry{{date(2020, 1, 1), 37}, {date(2031, 1, 1), 38}}, "after the table expires"},
		"absurd":         {[]Entry{{date(2020, 1, 1), 3700}}, "entry 1: TAI−UTC of 3700 s is absurd"},
		"early":          {[]Entry{{date(1971, 1, 1), 9}}, "not between 1972"},
	} {
		_, err := NewTable(c.entries, date(2030, 1, 1), "x")
		require.ErrorIs(t, err, ErrTable, name)
		require.ErrorContains(t, err, c.reason, name)
	}
}

func TestTheTableThatIsValidForLongerWinsUnlessTheyDisagree(t *testing.T) {
	old, fresh := BuiltIn(), with(date(2028, 12, 28), decision{date(2028, 1, 1), 1})
	for _, order := range [][]*Table{{old, fresh}, {fresh, nil, old}} {
		newest, err := Newest(order...)
		require.NoError(t, err)
		require.Same(t, fresh, newest)
	}
	none, err := Newest()
	require.NoError(t, err)
	require.Nil(t, none)

	other := with(date(2029, 12, 28))
	_, err = Newest(fresh, other)
	require.ErrorIs(t, err, ErrConflict)
	_, err = Newest(other, fresh)
	require.ErrorContains(t, err, "2028-01-01")
	contradicting := with(date(2029, 12, 28), decision{date(2027, 1, 1), 1}) // denied by the built-in table
	_, err = Newest(old, contradicting)
	require.ErrorIs(t, err, ErrConflict)
}

func TestStampsWithin6SecondsOfALeapAreAmbiguous(t *testing.T) {
	u := date(2028, 1, 1)
	for _, delta := range []int{1, -1} {
		table := with(date(2028, 12, 28), decision{u, delta})
		for _, c := range []struct {
			p  UTC
			ok bool
		}{{u - 6e9 - 1, true}, {u - 6e9, false}, {u, false}, {u + 6e9, false}, {u + 6e9 + 1, true}, {date(2027, 7, 1), true}} {
			at, ok := table.FromUTC(c.p)
			require.Equal(t, c.ok, ok, c.p)
			after := int64(0)
			if c.p >= u {
				after = int64(delta) * second
			}
			require.Equal(t, TAI(int64(c.p)+37*second+after), at)
		}
		require.True(t, table.Ambiguous(u-day30, u+day30))
		require.False(t, table.Ambiguous(u+7e9, u+day30))
	}
}

const day30 = UTC(30 * day)

func TestFormattingShowsTheInsertedSecondAndSkipsTheRemovedOne(t *testing.T) {
	table := with(date(2030, 12, 28), decision{date(2028, 1, 1), 1}, decision{date(2029, 7, 1), -1})
	at := func(u UTC, offset int64) TAI { return TAI(int64(u) + offset*second) }
	insert, remove := at(date(2028, 1, 1), 37), at(date(2029, 7, 1), 37)
	for c, text := range map[TAI]string{
		insert - 1:          "2027-12-31T23:59:59.999999999Z",
		insert:              "2027-12-31T23:59:60.000000000Z",
		insert + 999999999:  "2027-12-31T23:59:60.999999999Z",
		insert + 1000000000: "2028-01-01T00:00:00.000000000Z",
		remove - 1:          "2029-06-30T23:59:58.999999999Z",
		remove:              "2029-07-01T00:00:00.000000000Z",
		at(0, 10):           "1970-01-01T00:00:00.000000000Z",
	} {
		require.Equal(t, text, table.Format(c))
	}
}

func TestReadSystemReadsTheListAndTellsWhenThereIsNone(t *testing.T) {
	files := fstest.MapFS{"leap-seconds.list": {Data: []byte(listOf(BuiltIn(), 1, ""))}}
	read, err := ReadSystem(files)
	require.NoError(t, err)
	require.Equal(t, BuiltIn().Entries(), read.Entries())
	files["leap-seconds.list"] = &fstest.MapFile{Data: []byte("damaged")}
	_, err = ReadSystem(files)
	require.ErrorIs(t, err, ErrTable)
	_, err = ReadSystem(fstest.MapFS{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// resealed is a list with the SHA-1 line that it should have, if it has one at all: the right one keeps a fuzzer out.
func resealed(data []byte) []byte {
	before, _, found := bytes.Cut(data, []byte("\n#h"))
	if !found {
		return data
	}
	_, err := ParseList(bytes.NewReader(fmt.Appendf(bytes.Clone(before), "\n#h 0 0 0 0 0\n")), "x")
	_, is, found := strings.Cut(fmt.Sprint(err), "its SHA-1 is ")
	if !found || len(is) < 2*sha1.Size {
		return data
	}
	return fmt.Appendf(bytes.Clone(before), "\n#h %s %s %s %s %s\n", is[:8], is[8:16], is[16:24], is[24:32], is[32:40])
}

func FuzzTablesOfAnyBytesAreErrorsOrSane(f *testing.F) {
	f.Add([]byte(listOf(BuiltIn(), 1, "")))
	f.Add([]byte(listOf(BuiltIn(), 1, "0 1 2 3 4")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, list := range [][]byte{data, resealed(data)} {
			table, err := ParseList(bytes.NewReader(list), "x")
			if err != nil {
				require.ErrorIs(t, err, ErrTable)
				continue
			}
			_, err = NewTable(table.Entries(), table.Expiry(), "again")
			require.NoError(t, err)
			written, err := ParseList(strings.NewReader(listOf(table, 1, "")), "written")
			require.NoError(t, err)
			require.Equal(t, table.Entries(), written.Entries())
		}
	})
}
