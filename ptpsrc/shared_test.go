package ptpsrc

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/countertest"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Each clock gets readings of its own counter, and has grants of its own.
func TestUnicastServesSeveralClocksAtOnce(t *testing.T) {
	b := newBed(t, nil)
	source := b.source()
	var all sync.WaitGroup
	for i := range 3 {
		by := time.Duration(i) * 7 * time.Hour
		all.Go(func() {
			for range 20 {
				s, err := sampleOf(t, source, countertest.Ahead{Of: b.counter, By: by})
				if !assert.NoError(t, err) {
					return
				}
				assert.GreaterOrEqual(t, s.Latest, trueTAI.Add(time.Duration(s.Sent)-by), "by %v: %+v", by, s)
				assert.LessOrEqual(t, s.Earliest, trueTAI.Add(time.Duration(s.Received)-by), "by %v: %+v", by, s)
			}
		})
	}
	all.Wait()
}

// What is watched of the system clock against one counter has nothing to do with another counter.
func TestPTP4LWatchesForEachCounterByItself(t *testing.T) {
	h := newHost()
	path := socketPath(t)
	var mu sync.Mutex // the report is read by the server
	reply := madeUp(t, &h.report, h.report.port.State)
	serveManagement(t, path, func(request []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return reply(request)
	})
	source := PTP4L(path).(*ptp4l)
	source.wall = h.wall
	counters := []monotonic.Counter{standsAt{h, 0}, standsAt{h, 7 * time.Hour}}
	for _, c := range counters {
		_, err := source.Sample(t.Context(), c)
		require.ErrorContains(t, err, "another Sync has to come", "to each it is new")
	}
	for k := range time.Duration(5) {
		h.pass(50 * time.Millisecond)
		mu.Lock()
		h.sync(k)
		mu.Unlock()
		h.pass(50 * time.Millisecond)
		for i, c := range counters {
			s, err := source.Sample(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{DriftPPM: 200}), c)
			if k == 0 {
				require.ErrorContains(t, err, "has to change first", "and again")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, c.Now(), s.Sent, "by the counter of clock %d", i)
			h.requireTrue(t, truetime.Sample{Sent: h.counter, Latest: s.Latest, Received: h.counter, Earliest: s.Earliest})
		}
	}
	h.clock += 2 * time.Second // somebody sets it
	for _, c := range counters {
		_, err := source.Sample(t.Context(), c)
		require.ErrorContains(t, err, "was stepped", "each notices")
	}
}

// standsAt is a counter that is ahead of a host's and stands still while it is asked.
type standsAt struct {
	host *host
	by   time.Duration
}

func (s standsAt) Now() monotonic.Instant { return s.host.counter.Add(s.by) }

// Nothing is learned here, but by the race detector.
func TestSourcesOfThisHostServeSeveralClocksAtOnce(t *testing.T) {
	h := newHost()
	path := socketPath(t)
	serveManagement(t, path, madeUp(t, &h.report, h.report.port.State))
	byPTP4L := PTP4L(path).(*ptp4l)
	byPTP4L.wall = h.wall
	for _, source := range []truetime.Source{byPTP4L, PHCWithPTP4L("/dev/ptp_none", path), PHC("/dev/ptp_none", WithTAI())} {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				var counter monotonic.Manual
				for range 10 {
					_, _ = source.Sample(t.Context(), &counter)
					_ = source.Info()
				}
			})
		}
		all.Wait()
	}
}

// A device that is read for one clock while it is read for another.
func TestPHCWatchesForEachCounterByItself(t *testing.T) {
	w, p, poll := withPTP4L(t, nil)
	other := countertest.Ahead{Of: w, By: 7 * time.Hour}
	info := truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{DriftPPM: 200})
	_, err := poll()
	require.ErrorContains(t, err, "another Sync has to come")
	_, err = p.Sample(info, other)
	require.ErrorContains(t, err, "another Sync has to come")
	_, _ = poll()
	_, err = p.Sample(info, other)
	require.ErrorContains(t, err, "has to change first")
	for range 5 {
		s, err := poll()
		require.NoError(t, err)
		w.requireTrue(t, s)
		s, err = p.Sample(info, other)
		require.NoError(t, err)
		s.Sent, s.Received = s.Sent.Add(-other.By), s.Received.Add(-other.By)
		w.requireTrue(t, s)
	}
}
