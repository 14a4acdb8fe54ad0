package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// nightOf is a world with four honest servers of a scale and a machine that begins so long before midnight, whose table
// expired four weeks before, or when change says.
func nightOf(leap int, before time.Duration, scale truetime.Scale, change func(*MachineConfig, []*Server)) (*World, *Machine, []*Server) {
	w := NewWorld(11)
	whole := max(before, 24*time.Hour) // a world with a leap second begins that long before it
	w.StartAt(truetime.FromStd(midnight.Add(-whole)))
	if leap != 0 {
		w.LeapSecond(midnight, leap)
	}
	config := MachineConfig{Oscillator: Constant(150), TableUntil: truetime.FromStd(midnight.AddDate(0, 0, -28))}
	var servers []*Server
	for i := range 4 {
		s := w.NewServer(fmt.Sprintf("s%d", i+1), Honest(100*time.Microsecond))
		s.Serve(scale)
		servers = append(servers, s)
		config.Sources = append(config.Sources, Link{Server: s, Path: LAN()})
	}
	if change != nil {
		change(&config, servers)
	}
	w.Run(whole - before)
	return w, w.NewMachine("m", config), servers
}

// checkUntil checks an answer every minute until so long after midnight, unless the machine is disturbed.
func checkUntil(t *testing.T, w *World, m *Machine, servers []*Server, after time.Duration) {
	t.Helper()
	checkEvery(time.Minute, t, w, m, servers, after)
}

// checkEvery is checkUntil with another time between two answers, but for a second around midnight.
func checkEvery(step time.Duration, t *testing.T, w *World, m *Machine, servers []*Server, after time.Duration) {
	t.Helper()
	for w.Now() < truetime.FromStd(midnight.Add(after)) {
		step := step
		if w.Now().Sub(truetime.FromStd(midnight)).Abs() < 2*time.Minute {
			step = time.Second
		}
		w.Run(step)
		if m.Disturbed() {
			continue
		}
		require.NoError(t, m.Check(), "at %v; the last epoch ended because %s", w.Now(), m.Status().Disruption)
		for i, s := range m.Status().Sources {
			if servers[i].Honest() {
				require.NotContains(t, []truetime.Verdict{truetime.Convicted, truetime.Falseticker}, s.Verdict, "%s at %v", s.Name, w.Now())
			}
		}
	}
}

// A table may expire in the afternoon before a leap second that it does not have. The clock knows what smeared UTC is, for
// its sources show it, but not any more what TAI is.
func TestTAIIsNotKnownFromTheNoonBeforeALeapSecondThatTheTableMayLack(t *testing.T) {
	t.Parallel()
	for _, leap := range race.Some([]int{1, -1}, 1) {
		for _, left := range race.Some([]time.Duration{6 * time.Hour, 18 * time.Hour}, 1) {
			w, m, servers := nightOf(leap, 25*time.Hour, truetime.ScaleUTCSmeared, func(c *MachineConfig, _ []*Server) {
				c.TableUntil = truetime.FromStd(midnight.Add(-left))
			})
			checkUntil(t, w, m, servers, -12*time.Hour-time.Minute)
			_, err := m.NowTAI()
			require.NoError(t, err, "there cannot be a leap second in between")
			checkUntil(t, w, m, servers, 0)
			_, err = m.NowTAI()
			require.ErrorIs(t, err, truetime.ErrTAIUnknown)
		}
	}
}

// PTP changes the TAI−UTC that it announces up to two Announce intervals before or after the leap second.
func TestPTPThatChangesItsOffsetLateOrEarlyIsNotTakenAtItsWord(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, leap := range []int{1, -1} {
		for _, lag := range []time.Duration{32 * time.Second, -32 * time.Second} {
			for _, began := range []time.Duration{13 * time.Hour, 3 * time.Minute, -6 * time.Second} {
				t.Run(fmt.Sprintf("leap %+d, %v late, %v before", leap, lag, began), func(t *testing.T) {
					w, m, servers := nightOf(leap, began, truetime.ScaleTAI, func(c *MachineConfig, all []*Server) {
						c.TableUntil = truetime.FromStd(midnight.AddDate(0, 0, -63))
						for _, s := range all {
							s.lag = lag
						}
					})
					checkUntil(t, w, m, servers, 5*time.Minute)
					_, err := m.Now()
					require.NoError(t, err)
				})
			}
		}
	}
}

// The machine is restored in the night from what it was in the afternoon, and nothing inside knows. When it hears that no
// leap second is to come it takes that for the announcement of the afternoon, and then finds out that it is the next day.
func TestAnEpochThatWasWrongAboutTheTimeLeavesNoBeliefBehind(t *testing.T) {
	t.Parallel()
	for _, n := range race.Some([]int{1, 2, 3}, 1) {
		for _, leap := range []int{1, -1} {
			w, m, servers := nightOf(leap, 24*time.Hour, truetime.ScaleUTC, func(c *MachineConfig, _ []*Server) { c.Sources = c.Sources[:n] })
			w.Run(11*time.Hour + 30*time.Minute)
			for _, s := range servers {
				m.Cut(s, 9*time.Hour)
			}
			w.Run(4 * time.Hour)
			m.Restore(10*time.Hour, false)
			checkUntil(t, w, m, servers, 13*time.Hour)
			require.EqualValues(t, 2, m.Status().Epoch)
		}
	}
}

// To a clock that counts in smeared UTC a smear is more drift, and it may come on top of all that is declared.
func TestASmearIsMoreDriftForAClockOfSmearingSources(t *testing.T) {
	t.Parallel()
	for _, leap := range race.Some([]int{1, -1}, 1) {
		for _, ppm := range race.Some([]float64{200, -200}, 1) {
			w, m, servers := nightOf(leap, 25*time.Hour, truetime.ScaleUTCSmeared, func(c *MachineConfig, _ []*Server) { c.Oscillator = Constant(ppm) })
			w.Run(14 * time.Hour)
			for _, s := range servers {
				m.Cut(s, 20*time.Hour)
			}
			checkUntil(t, w, m, servers, 13*time.Hour)
		}
	}
}

// What has been published to other processes holds through a leap second that comes later, or while it is smeared, if
// nothing more is ever heard: Check holds old publications against true time. The counter is at that edge of
// its drift to which the smear adds.
func TestWhatIsPublishedHoldsThroughALeapSecond(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, leap := range []int{1, -1} {
		for _, scale := range []truetime.Scale{truetime.ScaleUTCSmeared, truetime.ScaleUTC} {
			w, m, servers := nightOf(leap, 25*time.Hour, scale, func(c *MachineConfig, _ []*Server) { c.Oscillator = Constant(200 * float64(leap)) })
			checkUntil(t, w, m, servers, 13*time.Hour)
		}
	}
}

// A process that starts shortly before midnight may have no answer until after it, because only one server answers.
func TestWhatWasSaidBeforeMidnightIsNotHeldAgainstWhatIsSaidAfterIt(t *testing.T) {
	t.Parallel()
	for _, leap := range []int{1, -1} {
		w, m, servers := nightOf(leap, 2*time.Minute, truetime.ScaleUTC, nil)
		for _, s := range servers[1:] {
			m.Cut(s, 5*time.Minute)
		}
		checkUntil(t, w, m, servers, 10*time.Minute)
		_, err := m.Now()
		require.NoError(t, err)
	}
}

// early steps almost 5 s before the end of the month.
type early struct{}

func (early) Answer(q Query) (Reply, bool) {
	r := Reply{Received: q.Received, Sent: q.Sent, Claim: time.Millisecond, Leap: q.Leap}
	if left := truetime.FromStd(midnight).Sub(q.Sent); 0 < left && left <= 4900*time.Millisecond {
		r.Received, r.Sent = r.Received.Add(-time.Second), r.Sent.Add(-time.Second)
	}
	return r, true
}

// Where a second is inserted the stamps of a server that has stepped early are off by that second, too, so they are
// further from the end of the month than the server was when it stepped.
func TestServersMayStepAlmostFiveSecondsBeforeTheInsertedSecond(t *testing.T) {
	t.Parallel()
	w, m, _ := nightOf(1, 4900*time.Millisecond, truetime.ScaleUTC, func(c *MachineConfig, servers []*Server) {
		c.TableUntil = 0 // it knows
		for _, s := range servers {
			s.Become(early{})
		}
	})
	for range 1500 {
		w.Run(100 * time.Millisecond)
		if _, err := m.Now(); err == nil {
			require.NoError(t, m.Check())
		}
	}
	i, err := m.Now()
	require.NoError(t, err)
	require.Less(t, i.Uncertainty(), 100*time.Millisecond)
}

// Two of four are dead, so nobody can say that there was no leap second, and the answer stays wide. A new epoch takes f+1,
// and for that it makes no difference.
func TestFPlusOneVotersEndAnOpenQuestion(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	w, m, servers := nightOf(0, 25*time.Hour, truetime.ScaleUTC, func(_ *MachineConfig, servers []*Server) {
		servers[0].Become(Dead())
		servers[1].Become(Dead())
	})
	checkUntil(t, w, m, servers, 14*time.Hour)
	i, err := m.Now()
	require.NoError(t, err)
	require.Less(t, i.Uncertainty(), 100*time.Millisecond)
}
