package clockbound

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// vector is a segment that ClockBound's own writer has written: as of 792.560468849 s, void after
// 1792 s, a bound of 12345 ns that grows by 50 000 ppb, Synchronized, a marker that is not to be
// compared, and generation 2. The bytes are those of a little-endian machine.
const vector = `
	4e5a4d4100024243 50000000 0200 0200
	1803000000000000 7113682100000000
	0007000000000000 0000000000000000
	3930000000000000 8877665544332211
	50c30000 01000000 00 00000000000000`

// vectorContent is what the vector says.
func vectorContent() content {
	return content{
		asOf: 792_560_468_849, voidAfter: 1_792_000_000_000, bound: 12345,
		marker: 0x1122334455667788, driftPPB: 50_000, status: statusSynchronized,
	}
}

func vectorBytes(t testing.TB) []byte {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the vector is of a little-endian machine")
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(vector), ""))
	require.NoError(t, err)
	require.Len(t, b, 80)
	return b
}

// fakeHost is a machine whose clocks are scripted. CLOCK_REALTIME and CLOCK_MONOTONIC run like the
// counter, unless somebody moves them.
type fakeHost struct {
	counter monotonic.Manual
	openErr error
	kept    bool

	mu    sync.Mutex // for what changes while a clock polls
	file  []byte
	moved time.Duration // CLOCK_REALTIME, since the beginning

	sets    int           // of it
	took    time.Duration // to read the clocks
	during  func()        // happens between the segment's reading and the clocks'
	clock   error
	noWatch error
}

const wallStart = truetime.Time(1_800_000_000_000_000_000) // in January 2027

// wall is CLOCK_REALTIME, and true time but for what it was moved by.
func (h *fakeHost) wall() truetime.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return wallStart.Add(time.Duration(h.counter.Now()) + h.moved)
}

func (h *fakeHost) set(by time.Duration) { h.moved += by; h.sets++ }

func (h *fakeHost) usable() error { return nil }

func (h *fakeHost) open(string) (io.ReaderAt, bool, func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.NewReader(h.file), h.kept, func() {}, h.openErr
}

func (h *fakeHost) clocks(counter monotonic.Counter) (wallclock.Reading, error) {
	if h.during != nil {
		h.during()
	}
	r := wallclock.Reading{Before: counter.Now(), Wall: int64(h.wall()), Slewed: int64(h.counter.Now())}
	h.counter.Advance(h.took)
	r.After = counter.Now()
	return r, h.clock
}

func (h *fakeHost) watch() (watch, error) { return fakeWatch{h, h.sets}, h.noWatch }

type fakeWatch struct {
	host  *fakeHost
	begun int
}

func (w fakeWatch) WasSet() bool { return w.host.sets != w.begun }

// says makes the segment say c, once more.
func (h *fakeHost) says(c content) {
	h.mu.Lock()
	defer h.mu.Unlock()
	generation := uint16(2)
	if len(h.file) >= segmentBytes {
		generation = (*segment)(h.file).generation() + 2
	}
	s := c.encode(generation)
	h.file = s[:]
}

// good is what a daemon says now: a millisecond, which grows by 50 ppm.
func (h *fakeHost) good() content {
	now := int64(h.counter.Now())
	return content{asOf: now, voidAfter: now + int64(1000*time.Second), bound: time.Millisecond, driftPPB: 50_000, status: statusSynchronized}
}

func newFakeHost() *fakeHost {
	h := &fakeHost{took: 200}
	h.counter.Set(monotonic.Instant(1000 * time.Second))
	h.says(h.good())
	return h
}

func (h *fakeHost) source(options ...SourceOption) *source {
	return &source{config: configureSource("shm0", options), path: "shm0", host: h}
}

// sample polls once, as a clock that assumes 200 ppm does.
func (h *fakeHost) sample(s truetime.Source) (truetime.Sample, error) {
	ctx := truetime.ContextWithPollInfo(context.Background(), truetime.PollInfo{DriftPPM: 200})
	return s.Sample(ctx, &h.counter)
}
