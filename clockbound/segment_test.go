package clockbound

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSegmentOfClockBoundsOwnWriterIsReadAndWrittenToTheByte(t *testing.T) {
	want := vectorBytes(t)
	s, err := copySegment(t.Context(), bytes.NewReader(want))
	require.NoError(t, err)
	c, err := s.decode()
	require.NoError(t, err)
	require.Equal(t, vectorContent(), c)
	require.EqualValues(t, 2, s.generation())
	s = vectorContent().encode(2)
	require.Equal(t, want, s[:])
}

// Each field by itself, at the offset that the table gives it.
func TestEveryFieldIsWhereTheTableSays(t *testing.T) {
	c := content{
		asOf: 0x0102030*1e9 + 0x1020304, voidAfter: 0x0a0b0c0*1e9 + 0x2030405, bound: 0x1112131415161718,
		marker: 0x2122232425262728, driftPPB: 0x31323334, status: statusDisrupted, marked: true,
	}
	s := c.encode(0x4142)
	u16, u32, u64 := binary.NativeEndian.Uint16, binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	require.EqualValues(t, 0x414d5a4e, u32(s[0:]))
	require.EqualValues(t, 0x43420200, u32(s[4:]))
	require.EqualValues(t, 80, u32(s[8:]))
	require.EqualValues(t, 2, u16(s[12:]))
	require.EqualValues(t, 0x4142, u16(s[14:]))
	require.EqualValues(t, 0x0102030, u64(s[16:]))
	require.EqualValues(t, 0x1020304, u64(s[24:]))
	require.EqualValues(t, 0x0a0b0c0, u64(s[32:]))
	require.EqualValues(t, 0x2030405, u64(s[40:]))
	require.EqualValues(t, uint64(0x1112131415161718), u64(s[48:]))
	require.EqualValues(t, uint64(0x2122232425262728), u64(s[56:]))
	require.EqualValues(t, 0x31323334, u32(s[64:]))
	require.EqualValues(t, 3, u32(s[68:]))
	require.EqualValues(t, 1, s[72])
	require.Equal(t, make([]byte, 7), s[73:])
	got, err := s.decode()
	require.NoError(t, err)
	require.Equal(t, c, got)
}

func TestFileThatIsNoSegmentIsRefusedWithItsReason(t *testing.T) {
	edited := func(edit func(s *segment)) []byte {
		s := vectorContent().encode(2)
		edit(&s)
		return s[:]
	}
	put16 := func(at int, v uint16) []byte {
		return edited(func(s *segment) { binary.NativeEndian.PutUint16(s[at:], v) })
	}
	put32 := func(at int, v uint32) []byte { return edited(func(s *segment) { s.put32(at, v) }) }
	put64 := func(at int, v int64) []byte { return edited(func(s *segment) { s.put64(at, uint64(v)) }) }
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "it is too short: 0 bytes", nil},
		{"half a header", "it is too short: 15 bytes", edited(func(*segment) {})[:15]},
		{"only a header", "it is too short: 16 bytes, by its header 80, and version 2 has 80", edited(func(*segment) {})[:16]},
		{"cut off", "it is too short: 79 bytes", edited(func(*segment) {})[:79]},
		{"a size that is too small", "it is too short: 80 bytes, by its header 79", put32(8, 79)},
		{"another file", "it is no ClockBound segment: it begins with", put32(0, 0x4e5a4d41)},
		{"the second half of the magic", "it is no ClockBound segment", put32(4, 0x43420300)},
		{"version 1", "it is a segment of another version: 0x1, and 2 is what can be read", put16(12, 1)[:72]},
		{"version 3", "it is a segment of another version: 0x302", append(put16(12, 0x302), make([]byte, 24)...)},
		{"version 3 as a number", "it is a segment of another version: 0x3", append(put16(12, 3), make([]byte, 24)...)},
		{"wiped", "it has never been written", put16(12, 0)},
		{"not yet written", "it has never been written", put16(14, 0)},
		{"an update that never ends", "its update does not end", put16(14, 7)},
		{"as_of", "as_of of -1 s", put64(16, -1)},
		{"as_of", "as_of of 9223372036854775807 s", put64(16, 1<<63-1)},
		{"as_of", "and 1000000000 ns makes no sense", put64(24, 1_000_000_000)},
		{"void_after", "void_after of 1792 s and -1 ns", put64(40, -1)},
		{"bound", "a bound of -1ns makes no sense", put64(48, -1)},
		{"drift", "a drift of 1000000000 ppb makes no sense", put32(64, 1_000_000_000)},
		{"status", "status 4 is not known", put32(68, 4)},
		{"status", "status -1 is not known", put32(68, 0xffffffff)},
		{"a bool of 2", "2 does not say whether there is a disruption marker", edited(func(s *segment) { s[72] = 2 })},
	} {
		_, err := readAll(t.Context(), c.file)
		require.ErrorContains(t, err, c.want, c.name)
	}
	_, err := readAll(t.Context(), append(put32(8, 100), make([]byte, 20)...))
	require.NoError(t, err, "what follows the fields that are known does no harm")
}

func readAll(ctx context.Context, file []byte) (content, error) {
	s, err := copySegment(ctx, bytes.NewReader(file))
	if err != nil {
		return content{}, err
	}
	return s.decode()
}

// changing is a file that changes with each reading of it.
type changing struct {
	reads int
	read  func(n int) segment
	err   error
}

func (c *changing) ReadAt(b []byte, _ int64) (int, error) {
	c.reads++
	s := c.read(c.reads)
	return copy(b, s[:]), c.err
}

func TestCopyIsTakenOnlyIfTwoInARowAreTheSame(t *testing.T) {
	at := func(bound int64, generation uint16) segment {
		s := vectorContent().encode(generation)
		s.put64(48, uint64(bound))
		return s
	}
	for name, c := range map[string]struct {
		reads []segment
		want  int // which of them is taken
	}{
		"still":                         {[]segment{at(1, 2), at(1, 2)}, 1},
		"an update begins":              {[]segment{at(1, 2), at(1, 3), at(1, 3), at(2, 4), at(2, 4)}, 4},
		"an update in between":          {[]segment{at(1, 2), at(2, 4), at(2, 4), at(2, 4)}, 3},
		"data before the generation":    {[]segment{at(2, 2), at(1, 2), at(1, 2), at(1, 2)}, 3},
		"the same data, another update": {[]segment{at(1, 2), at(1, 4), at(1, 4), at(1, 4)}, 3},
		"wrapping":                      {[]segment{at(1, 65534), at(1, 65535), at(2, 2), at(2, 2)}, 3},
	} {
		file := &changing{read: func(n int) segment { return c.reads[n-1] }}
		s, err := copySegment(t.Context(), file)
		require.NoError(t, err, name)
		require.Equal(t, c.want+1, file.reads, name)
		require.Equal(t, c.reads[c.want], s, name)
	}
}

func TestCopyOfAFileThatNeverRestsEnds(t *testing.T) {
	file := &changing{read: func(n int) segment { return vectorContent().encode(uint16(2 * n)) }}
	_, err := copySegment(t.Context(), file)
	require.ErrorIs(t, err, errUpdating)
	require.LessOrEqual(t, file.reads, 2*(promptAttempts+patientAttempts))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	odd := &changing{read: func(int) segment { return vectorContent().encode(1) }}
	_, err = copySegment(ctx, odd)
	require.ErrorIs(t, err, context.Canceled)

	failing := &changing{read: func(int) segment { return vectorContent().encode(2) }, err: errors.New("bad disk")}
	_, err = copySegment(t.Context(), failing)
	require.ErrorIs(t, err, failing.err)
	_, err = copySegment(t.Context(), &changing{read: func(int) segment { return vectorContent().encode(2) }, err: io.EOF})
	require.NoError(t, err)
}

// FuzzSegment: whatever is in the file, what is read of it is within its ranges, and says the same
// when it is written.
func FuzzSegment(f *testing.F) {
	for _, c := range []content{vectorContent(), {}, {status: statusDisrupted, marked: true, marker: 1}} {
		s := c.encode(2)
		f.Add(s[:], int64(0), int64(0))
		f.Add(s[:72], int64(1), int64(-1))
	}
	f.Fuzz(func(t *testing.T, file []byte, wall, slewed int64) {
		if len(file) >= headerBytes && file[generationAt]|1 == file[generationAt] {
			file[generationAt] ^= 1 // which would only take time
		}
		c, err := readAll(t.Context(), file)
		if err != nil {
			return
		}
		s := c.encode(2)
		again, err := s.decode()
		if err != nil || again != c {
			t.Fatalf("%+v became %+v: %v", c, again, err)
		}
		h := newFakeHost()
		h.file = file
		r, err := h.clocks(&h.counter)
		if err != nil {
			t.Fatal(err)
		}
		r.Wall, r.Slewed = wall, slewed
		sample, err := sourceConfig{}.evaluate(c, r, 200)
		if err != nil {
			return
		}
		if sample.Claim < c.bound || sample.Claim > 2*maxClaim+1 || sample.Latest < sample.Earliest || sample.Age < 0 {
			t.Fatalf("%+v", sample)
		}
	})
}
