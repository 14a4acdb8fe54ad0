package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// quietDay is a day with four honest servers of the scales given in turn, and a leap second at its end unless
// that is 0. It visits the machine every minute from 12.5 hours before midnight to 13 hours after it, and
// every second around midnight.
func quietDay(t *testing.T, leap int, known bool, visit func(w *World, m *Machine, servers []*Server), change func(*MachineConfig, []*Server), scales ...truetime.Scale) {
	t.Helper()
	w := NewWorld(9)
	w.StartAt(truetime.FromStd(midnight.Add(-25 * time.Hour)))
	if leap != 0 {
		w.LeapSecond(midnight, leap)
	}
	config := MachineConfig{Oscillator: Constant(150)}
	if !known {
		config.TableUntil = truetime.FromStd(midnight.AddDate(0, 0, -28))
	}
	var servers []*Server
	for i := range 4 {
		s := w.NewServer(fmt.Sprintf("ntp%d", i+1), Honest(100*time.Microsecond))
		s.Serve(scales[i%len(scales)])
		servers = append(servers, s)
		config.Sources = append(config.Sources, Link{Server: s, Path: LAN()})
	}
	if change != nil {
		change(&config, servers)
	}
	m := w.NewMachine("m", config)
	w.Run(12*time.Hour + 30*time.Minute)
	for w.Elapsed() < 38*time.Hour {
		step := time.Minute
		if w.Now().Sub(truetime.FromStd(midnight)).Abs() < 10*time.Second {
			step = time.Second
		}
		w.Run(step)
		require.NoError(t, m.Check())
		visit(w, m, servers)
	}
}

var everyScale = []truetime.Scale{
	truetime.ScaleUTC, truetime.ScaleUTCSmeared, truetime.ScaleTAI,
}

// ordinary is what ε is between polls of 16 s, and besideMidnight what it may be for the 10 s more that a stepping source
// is not used.
const (
	ordinary       = 5 * time.Millisecond
	besideMidnight = 12 * time.Millisecond
)

func TestALeapSecondThatTheTableKnowsMakesNoDifference(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, leap := range []int{1, 0, -1} {
		for _, mixed := range []bool{true, false} {
			scales := everyScale
			if !mixed {
				scales = scales[:1]
			}
			quietDay(t, leap, true, func(w *World, m *Machine, _ []*Server) {
				i, err := m.Now()
				require.NoError(t, err)
				limit := ordinary
				if left := w.Now().Sub(truetime.FromStd(midnight)).Abs(); left < time.Minute {
					limit = besideMidnight
				}
				require.Less(t, i.Uncertainty(), limit, "leap %d, mixed %v, at %v", leap, mixed, w.Now())
				tai, err := m.NowTAI()
				require.NoError(t, err)
				require.Less(t, tai.Uncertainty(), limit)
				require.EqualValues(t, 1, m.Status().Epoch)
			}, nil, scales...)
		}
	}
}

// Where no table says, an answer holds whatever happens from noon on, until the servers have shown that there was no
// leap second; one that is announced is believed when two of four have heard of it. TAI is not known after that
// night unless it was found out what happened.
func TestALeapSecondThatIsAnnouncedIsBelieved(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, leap := range []int{1, 0, -1} {
		var widest time.Duration
		unknown := false
		quietDay(t, leap, false, func(w *World, m *Machine, _ []*Server) {
			i, err := m.Now()
			require.NoError(t, err, "leap %d at %v", leap, w.Now())
			widest = max(widest, i.Uncertainty())
			noon := truetime.FromStd(midnight.Add(-12 * time.Hour))
			if after := w.Now().Sub(noon); leap == 0 && 0 < after && after < 12*time.Hour {
				require.Equal(t, truetime.LeapStatusUnknown, m.Status().LeapSeconds.Status)
				unknown = true
			}
			if after := w.Now().Sub(noon); after > 70*time.Minute && (leap != 0 || after > 12*time.Hour+2*time.Minute) {
				limit := ordinary
				if w.Now().Sub(truetime.FromStd(midnight)).Abs() < time.Minute {
					limit = besideMidnight
				}
				require.Less(t, i.Uncertainty(), limit, "leap %d at %v", leap, w.Now())
			}
			_, err = m.NowTAI()
			require.NoError(t, err)
			require.EqualValues(t, 1, m.Status().Epoch)
		}, nil, truetime.ScaleUTC)
		require.Equal(t, leap == 0, unknown)
		if leap == 0 {
			require.Less(t, widest, 520*time.Millisecond, "it is allowed for until midnight")
		} else {
			require.Less(t, widest, 60*time.Millisecond)
		}
	}
}

// Who asks only such as smear the same way as the clock does needs no table and no announcement.
func TestSmearingSourcesNeedNoTable(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, leap := range []int{1, 0, -1} {
		quietDay(t, leap, false, func(w *World, m *Machine, _ []*Server) {
			i, err := m.Now()
			require.NoError(t, err)
			require.Less(t, i.Uncertainty(), ordinary, "leap %d at %v", leap, w.Now())
			require.EqualValues(t, 1, m.Status().Epoch)
		}, func(config *MachineConfig, _ []*Server) {
			config.Oscillator = Constant(float64(200 * leap)) // as if the smear came on top of it
		}, truetime.ScaleUTCSmeared)
	}
}

// Nobody can tell: an expired table, and servers that announce nothing and are cut off from noon on. The answer allows for
// all that may happen, is wrong by nothing, and says so.
func TestWhatNobodyKnowsIsAllowedFor(t *testing.T) {
	t.Parallel()
	for _, leap := range race.Some([]int{1, 0, -1}, 1) {
		atMidnight := time.Duration(0)
		quietDay(t, leap, false, func(w *World, m *Machine, servers []*Server) {
			for _, s := range servers {
				m.Cut(s, time.Hour)
			}
			i, err := m.Now()
			require.NoError(t, err)
			if w.Now() <= truetime.FromStd(midnight) {
				atMidnight = i.Uncertainty()
			}
			if w.Now().Sub(truetime.FromStd(midnight)).Abs() < 11*time.Hour {
				require.Equal(t, truetime.LeapStatusUnknown, m.Status().LeapSeconds.Status)
			}
		}, func(_ *MachineConfig, servers []*Server) {
			for _, s := range servers {
				s.Become(silentOnLeaps{Honest(time.Millisecond)})
			}
		}, truetime.ScaleUTC)
		require.Greater(t, atMidnight, 490*time.Millisecond)
	}
}

type silentOnLeaps struct{ Behavior }

func (b silentOnLeaps) Answer(q Query) (Reply, bool) {
	r, ok := b.Behavior.Answer(q)
	r.Leap = truetime.LeapUnknown
	return r, ok
}

func TestASourceThatIsDeclaredWronglyIsToldSo(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	smeared := truetime.ScaleUTCSmeared
	type wrongly struct {
		serves, declared, others truetime.Scale
		want                     string
	}
	for _, c := range []wrongly{
		{smeared, truetime.ScaleUTC, truetime.ScaleUTC, "would not if it served UTC smeared from noon to noon: it is declared to serve UTC with steps"},
		{truetime.ScaleUTC, smeared, smeared, "would not if it served UTC with steps: it is declared to serve UTC smeared from noon to noon"},
		{truetime.ScaleTAI, truetime.ScaleUTC, truetime.ScaleUTC, "would not if it served TAI: it is declared to serve UTC with steps"},
	} {
		told := 0
		quietDay(t, 1, true, func(w *World, m *Machine, _ []*Server) {
			for i, s := range m.Status().Sources {
				if i > 0 {
					require.NoError(t, s.Err)
					require.Equal(t, truetime.Truechimer, s.Verdict, "%v at %v", s.Name, w.Now())
					continue
				}
				if s.Err != nil {
					require.ErrorContains(t, s.Err, c.want)
					require.NotEqual(t, truetime.Truechimer, s.Verdict)
					told++
				}
			}
		}, func(config *MachineConfig, servers []*Server) {
			servers[0].Serve(c.serves)
			config.Sources[0].Declared = &c.declared
			config.MaxWander = 1 // so that also a clock of smearing sources counts in TAI
		}, c.others)
		require.Greater(t, told, 100)
	}
}
