package hostclock

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/published"
	"github.com/epsilontime/epsilon/truetime"
)

// ahead is by how much true time is ahead of CLOCK_MONOTONIC_RAW in these tests.
const ahead = 1_800_000_000_000_000_000

// truthful returns a record that is true at raw and ever after, and like no other: what is made of two of them is
// wrong by milliseconds as a rule, and it is wide by less than 200 ns.
func truthful(rng *rand.Rand, raw uint64) record {
	const back = 1_000_000_000
	edge := func(outward int64) line.Edge {
		at := raw - rng.Uint64N(back)
		return line.Edge{At: at, Time: ahead + int64(at) + outward, Rate: 1 << 63, Until: raw + rng.Uint64N(back), Ends: true, After: 1 << 63}
	}
	return record{at: int64(raw), Record: published.Record{
		State: uint8(truetime.Synchronized), Answers: true, Epoch: 1, MaxWidth: 1 << 62, TAIKnown: true, TAIUntil: 1<<63 - 1,
		Shown: line.Pair{Meter: line.Nanoseconds, From: raw, Lower: edge(-rng.Int64N(100)), Upper: edge(rng.Int64N(100))},
		TAI:   line.Pair{Meter: line.Nanoseconds, From: raw, Lower: edge(-rng.Int64N(100)), Upper: edge(rng.Int64N(100))},
	}}
}

// writer writes records of a test's making.
type writer struct {
	*mapping
	path       string
	generation uint64
	counter    *localcounter.Counter
	rng        *rand.Rand
}

// headerHere is the header of a segment that this process may read.
func headerHere(t testing.TB) header {
	t.Helper()
	here, err := readHost()
	require.NoError(t, err)
	return header{boot: here.boot, writer: 7, monotonic: here.monotonic, boottime: here.boottime}
}

// segmentOf is the content of a file with one record in it.
func segmentOf(h header, r record) (words [segmentWords]uint64) {
	head, first := h.words(), r.words(1)
	copy(words[:], head[:])
	copy(words[slot(1):], first[:])
	words[wordGeneration] = 1
	return words
}

// newWriter makes a segment with a first record, which is truthful unless change makes another of it.
func newWriter(t testing.TB, path string, change func(*header, *record)) *writer {
	t.Helper()
	counter, err := localcounter.Raw()
	require.NoError(t, err)
	w := &writer{path: path, generation: 1, counter: counter, rng: rand.New(rand.NewPCG(1, 2))}
	h, r := headerHere(t), truthful(w.rng, uint64(counter.Reference()))
	if change != nil {
		change(&h, &r)
	}
	words := segmentOf(h, r)
	w.mapping, _, err = createFile(path, &words)
	require.NoError(t, err)
	return w
}

// write publishes a truthful record, or what change makes of it.
func (w *writer) write(change func(*record)) {
	r := truthful(w.rng, uint64(w.counter.Reference()))
	if change != nil {
		change(&r)
	}
	w.generation++
	w.publish(&r, w.generation)
}

// requireTrue reads a clock, and fails the test unless the answer was true between the call and the return.
func requireTrue(t testing.TB, c *Clock) {
	t.Helper()
	before := c.counter.Reference() + ahead
	i, err := c.Now()
	after := c.counter.Reference() + ahead
	require.NoError(t, err)
	if int64(i.Earliest) > after || int64(i.Latest) < before {
		t.Fatalf("%v was not true between %d and %d", i, before, after)
	}
	tai, err := c.NowTAI()
	require.NoError(t, err)
	require.LessOrEqual(t, int64(tai.Earliest), c.counter.Reference()+ahead)
	require.GreaterOrEqual(t, int64(tai.Latest), after)
}

// look has a clock look at the host now, as it does once a second.
func look(c *Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkLocked()
}

// vmPage makes a page as a VMClock device has it, with a marker that can be set.
func vmPage(t testing.TB, marker uint64) (path string, set func(marker uint64)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "vmclock")
	page := make([]byte, 4096)
	binary.LittleEndian.PutUint32(page, 0x4b4c4356) // struct vmclock_abi: magic, size, version; and the marker at 16
	binary.LittleEndian.PutUint32(page[4:], 4096)
	binary.LittleEndian.PutUint16(page[8:], 1)
	binary.LittleEndian.PutUint64(page[16:], marker)
	require.NoError(t, os.WriteFile(path, page, 0o644))
	return path, func(marker uint64) {
		t.Helper()
		device, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		defer device.Close()
		_, err = device.WriteAt(binary.LittleEndian.AppendUint64(nil, marker), 16)
		require.NoError(t, err)
	}
}

func clockPath(t testing.TB) string { return filepath.Join(t.TempDir(), "clock") }

func newRand() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }
