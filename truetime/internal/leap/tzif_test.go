package leap

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tzifOf writes a table as zic does: both data blocks, and in version 4 the expiry.
func tzifOf(t *Table, version byte) []byte {
	type record struct {
		at         int64
		correction int32
	}
	var records []record
	was := 10
	for _, e := range t.entries[1:] {
		at := int64(e.At)/second + int64(was) - 10
		if e.Offset < was {
			at-- // the second that is left out
		}
		records = append(records, record{at, int32(e.Offset) - 10})
		was = e.Offset
	}
	if version >= '4' {
		records = append(records, record{int64(t.expiry)/second + int64(was) - 10, int32(was) - 10})
	}
	var out []byte
	for _, size := range []int{4, 8} {
		out = append(out, "TZif"...)
		out = append(out, version)
		out = append(out, make([]byte, 15)...)
		for _, n := range []int{1, 1, len(records), 1, 1, 4} {
			out = binary.BigEndian.AppendUint32(out, uint32(n))
		}
		out = append(out, make([]byte, size+1+6)...)
		out = append(out, "UTC\x00"...)
		for _, r := range records {
			if size == 4 {
				out = binary.BigEndian.AppendUint32(out, uint32(r.at))
			} else {
				out = binary.BigEndian.AppendUint64(out, uint64(r.at))
			}
			out = binary.BigEndian.AppendUint32(out, uint32(r.correction))
		}
		out = append(out, 0, 0)
	}
	return append(out, "\n\n"...)
}

func TestCompiledTimeZonesGiveTheSameLeapSeconds(t *testing.T) {
	table := with(date(2030, 6, 28), decision{date(2028, 7, 1), -1}, decision{date(2030, 1, 1), 1})
	parsed, err := ParseTZif(bytes.NewReader(tzifOf(table, '4')), "right/UTC")
	require.NoError(t, err)
	require.Equal(t, table.Entries(), parsed.Entries())
	require.Equal(t, table.Expiry(), parsed.Expiry())

	parsed, err = ParseTZif(bytes.NewReader(tzifOf(table, '2')), "right/UTC")
	require.NoError(t, err)
	require.Equal(t, table.Entries(), parsed.Entries())
	require.Equal(t, date(2030, 1, 1), parsed.Expiry(), "it vouches for no more than it says")
}

func TestDamagedTimeZonesAreErrors(t *testing.T) {
	whole := tzifOf(BuiltIn(), '2')
	for n := range len(whole) - 4 { // the footer and the indicators before it are not needed
		_, err := ParseTZif(bytes.NewReader(whole[:n]), "x")
		require.ErrorIs(t, err, ErrTable, n)
	}
	for name, data := range map[string][]byte{
		"version 1":   bytes.Replace(whole, []byte("TZif2"), []byte("TZif\x00"), 1),
		"huge counts": append([]byte("TZif2"), bytes.Repeat([]byte{0xff}, 60)...),
		"two seconds": bytes.Replace(whole, []byte{0, 0, 0, 27}, []byte{0, 0, 0, 28}, 3),
	} {
		_, err := ParseTZif(bytes.NewReader(data), "x")
		require.ErrorIs(t, err, ErrTable, name)
	}
}

// resealed is a list with the SHA-1 line that it should have, if it has one at all: the right one keeps a fuzzer out.
func resealed(data []byte) []byte {
	l := &list{digits: sha1.New()}
	before, _, found := bytes.Cut(data, []byte("\n#h"))
	if !found {
		return data
	}
	for line := range strings.Lines(string(before)) {
		if l.read(strings.TrimSpace(line)) != nil {
			return data
		}
	}
	sum := l.digits.Sum(nil)
	return fmt.Appendf(bytes.Clone(before), "\n#h %x %x %x %x %x\n", sum[:4], sum[4:8], sum[8:12], sum[12:16], sum[16:])
}

func FuzzTablesOfAnyBytesAreErrorsOrSane(f *testing.F) {
	for _, version := range []byte{0, '2', '3', '4'} {
		f.Add(tzifOf(BuiltIn(), version))
	}
	f.Add([]byte(listOf(BuiltIn(), 1, "")))
	f.Add([]byte(listOf(BuiltIn(), 1, "0 1 2 3 4")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func() (*Table, error){
			func() (*Table, error) { return ParseTZif(bytes.NewReader(data), "x") },
			func() (*Table, error) { return ParseList(bytes.NewReader(data), "x") },
			func() (*Table, error) { return ParseList(bytes.NewReader(resealed(data)), "x") },
		} {
			table, err := parse()
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
