package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// rollover is how far a GPS receiver falls back when it takes its week number, which has ten bits, for that of the era before.
const rollover = 1024 * 7 * 24 * time.Hour

// Servers follow receivers that have rolled over: one of one, one or all of four, from the beginning or from some day on. No
// answer is wrong, though they are more than may be, and where the others go on there is one.
func TestServersThatHaveRolledOverAreNotBelieved(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, c := range []struct{ servers, rolled, steps int }{{1, 1, 1}, {4, 1, 1}, {4, 2, 1}, {4, 4, 1}, {4, 4, 2}, {3, 2, 1}} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d of %d by %d, late %v", c.rolled, c.servers, c.steps, late), func(t *testing.T) {
				t.Parallel()
				w := NewWorld(1)
				var links []Link
				for i := range c.servers {
					var b Behavior = Honest(time.Millisecond)
					if i < c.rolled {
						b = Offset(-time.Duration(c.steps)*rollover, time.Millisecond)
						if late {
							b = Turncoat(Honest(time.Millisecond), time.Hour, b)
						}
					}
					links = append(links, Link{Server: w.NewServer(fmt.Sprint("s", i), b), Path: DataCenter()})
				}
				m := w.NewMachine("m", MachineConfig{Sources: links, Oscillator: Constant(150), PlausibleSince: DefaultStart.Add(-60 * 24 * time.Hour)})
				w.observe = func(m *Machine) { require.NoError(t, m.Check()) }
				w.Run(6 * time.Hour)
				require.NoError(t, m.Check())
				s := m.Status()
				require.EqualValues(t, 1, s.Epoch, s.Disruption)
				faulty := (c.servers - 1) / 2
				_, err := m.Now()
				switch {
				case late || c.rolled <= faulty:
					require.NoError(t, err, "the others answer, or its last answer is carried on")
				case c.rolled == c.servers:
					require.ErrorIs(t, err, truetime.ErrNotSynchronized)
				}
				for i := range c.rolled {
					require.Equal(t, truetime.Unusable, s.Sources[i].Verdict)
				}
			})
		}
	}
}
