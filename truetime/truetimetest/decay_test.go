package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// decayWorld has four honest servers that a machine asks every 16 s, and has lived for an hour.
func decayWorld() (*World, *Machine, []*Server) {
	w := NewWorld(5)
	var servers []*Server
	var links []Link
	for i := range 4 {
		s := w.NewServer(fmt.Sprint("s", i), Honest(100*time.Microsecond))
		servers = append(servers, s)
		links = append(links, Link{Server: s, Path: DataCenter()})
	}
	m := w.NewMachine("m", MachineConfig{Oscillator: Constant(30), Sources: links})
	w.Run(time.Hour)
	return w, m, servers
}

// A spell of RATE is forgiven within half a day, and ε is what it was.
func TestASpellOfSlowDownIsForgiven(t *testing.T) {
	t.Parallel()
	w, m, servers := decayWorld()
	before, err := m.Now()
	require.NoError(t, err)
	for _, s := range servers {
		s.Become(Kiss(truetime.ErrSlowDown))
	}
	w.Run(3 * time.Hour)
	require.True(t, m.Status().Sources[0].HeldBack)
	require.Equal(t, 1024*time.Second, m.Status().Sources[0].Poll)
	for _, s := range servers {
		s.Become(Honest(100 * time.Microsecond))
	}
	w.Run(12 * time.Hour)
	for _, s := range m.Status().Sources {
		require.Equal(t, 16*time.Second, s.Poll)
		require.False(t, s.HeldBack)
	}
	for range 100 {
		w.Run(7 * time.Second)
		require.NoError(t, m.Check())
		i, err := m.Now()
		require.NoError(t, err)
		require.Less(t, i.Uncertainty(), max(4*before.Uncertainty(), 10*time.Millisecond))
	}
}

// Who denied service is asked again after a day, and once more after two, and is what it was when it answers.
func TestADenialIsAskedAboutAgain(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	w, m, servers := decayWorld()
	servers[1].Become(Kiss(truetime.ErrDenied))
	w.Run(time.Hour)
	require.Equal(t, truetime.Unusable, m.Status().Sources[1].Verdict)
	asked := 0
	servers[1].Become(countsQueries{Kiss(truetime.ErrDenied), &asked})
	w.Run(22 * time.Hour)
	require.Zero(t, asked)
	w.Run(5 * time.Hour)
	require.Equal(t, 1, asked)
	w.Run(40 * time.Hour)
	servers[1].Become(Honest(100 * time.Microsecond))
	w.Run(20 * time.Hour)
	require.NoError(t, m.Check())
	s := m.Status().Sources[1]
	require.Equal(t, truetime.Truechimer, s.Verdict)
	require.Equal(t, 16*time.Second, s.Poll)
}

type countsQueries struct {
	Behavior
	asked *int
}

func (b countsQueries) Answer(q Query) (Reply, bool) {
	*b.asked++
	return b.Behavior.Answer(q)
}

// A conviction ends with the fourth answer that agrees with those before, or twenty minutes after the last.
func TestAConvictionEnds(t *testing.T) {
	t.Parallel()
	w, m, servers := decayWorld()
	servers[0].Become(Offset(time.Second, time.Millisecond))
	w.Run(40 * time.Second) // two polls
	require.Equal(t, truetime.Convicted, m.Status().Sources[0].Verdict)
	servers[0].Become(Honest(100 * time.Microsecond))
	w.Run(3 * time.Minute)
	require.Equal(t, truetime.Truechimer, m.Status().Sources[0].Verdict)

	servers[0].Become(Offset(time.Second, time.Millisecond))
	w.Run(20 * time.Second)
	require.Equal(t, truetime.Convicted, m.Status().Sources[0].Verdict)
	servers[0].Become(Dead())
	w.Run(25 * time.Minute)
	// Were it still one of those that are wrong, another could not be.
	servers[1].Become(Offset(-time.Hour, time.Millisecond))
	w.Run(10 * time.Minute)
	require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
	require.NoError(t, m.Check())
	_, err := m.Now()
	require.NoError(t, err)
}

// What Now refuses Status does not show.
func TestStatusAfterAMarkerShowsNoInterval(t *testing.T) {
	w, m, _ := decayWorld()
	for !m.marker {
		m.Restore(100*time.Millisecond, true)
		for range 1000 {
			if w.Run(time.Millisecond); m.marker {
				break
			}
		}
	}
	require.ErrorIs(t, m.Status().Err, truetime.ErrNotSynchronized)
	require.Zero(t, m.Status().Interval)
}
