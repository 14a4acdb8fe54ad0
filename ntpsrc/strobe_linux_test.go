package ntpsrc

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// The wall clock is stepped to and fro at any moment of an exchange. The server serves the
// counter's own time, so the truth is known whatever the wall clock says: no sample, stamped by the
// kernel or not, may contradict it.
func TestStrobedWallClockFalsifiesNoSample(t *testing.T) {
	testbed.MaySetTime(t)
	counter := system(t)
	zero, base := counter.Now(), time.Now()
	truth := func(c monotonic.Instant) time.Time { return base.Add(c.Sub(zero)) }
	server := startServer(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		binary.BigEndian.PutUint64(reply[16:], ntptest.Stamp(truth(counter.Now()).Add(-time.Second)))
		binary.BigEndian.PutUint64(reply[32:], ntptest.Stamp(truth(counter.Now())))
		binary.BigEndian.PutUint64(reply[40:], ntptest.Stamp(truth(counter.Now())))
		return [][]byte{reply}
	}})

	seed := rand.Uint64()
	stop := testbed.StrobeRealtime(t, seed)
	stamps := map[string]int{}
	source := Server(server.Address())
	for range 20_000 {
		s, err := source.Sample(t.Context(), counter)
		if err != nil {
			continue // the server's stamps and ours may differ by the counter's rate; what counts is what is used
		}
		stamps[s.Stamps]++
		const slack = 2 * time.Nanosecond // of truth
		if latest := truetime.FromStd(truth(s.Sent)); latest > s.Latest.Add(slack) {
			t.Errorf("seed %d: true time at Sent was %v after Latest (%s)", seed, latest.Sub(s.Latest), s.Stamps)
			break
		}
		if earliest := truetime.FromStd(truth(s.Received)); earliest < s.Earliest.Add(-slack) {
			t.Errorf("seed %d: true time at Received was %v before Earliest (%s)", seed, s.Earliest.Sub(earliest), s.Stamps)
			break
		}
	}
	stop()
	t.Log(stamps)
	require.Positive(t, stamps[wallclock.StampedUnsteadily], "nothing was stepped in an exchange")
	require.Positive(t, stamps[wallclock.StampedByKernel]+stamps[wallclock.StampedReceive], "the kernel's stamps were never used")
}
