package ntpsrc

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/countertest"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// What two counters say has nothing to do with each other: one clock's reading after another's is
// no step of the system clock, and a real step is seen by both.
func TestChronyFollowsTheSystemClockForEachCounterByItself(t *testing.T) {
	m := &machine{took: 100 * time.Microsecond}
	m.says(synchronized())
	source := m.source()
	counters := []monotonic.Counter{&m.counter, countertest.Ahead{Of: &m.counter, By: 7 * time.Hour}}
	for range 5 {
		for _, c := range counters {
			s, err := source.Sample(assuming(t.Context(), 200), c)
			require.NoError(t, err)
			require.Equal(t, c.Now(), s.Received)
			require.True(t, s.Earliest <= m.wall() && m.wall() <= s.Latest.Add(m.took))
		}
		m.counter.Advance(time.Second)
	}
	m.stepped += time.Second // by hand
	for _, c := range counters {
		_, err := source.Sample(assuming(t.Context(), 200), c)
		require.ErrorContains(t, err, "was stepped by about 1s")
		_, err = source.Sample(assuming(t.Context(), 200), c)
		require.ErrorContains(t, err, "has not heard from its sources since")
	}
}

func TestChronyServesSeveralClocksAtOnce(t *testing.T) {
	source := Chrony("127.0.0.1").(*chronySource)
	source.wall = func() truetime.Time { return wallStart }
	source.dial = func(chronyAddress) (net.Conn, error) {
		m := &machine{} // each exchange has its own
		m.says(synchronized())
		return m, nil
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			var counter monotonic.Manual // which stands, as the system clock does
			counter.Set(monotonic.Instant(i) * 1e15)
			for range 100 {
				s, err := source.Sample(assuming(t.Context(), 200), &counter)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, counter.Now(), s.Received)
			}
		})
	}
	all.Wait()
}
