package truetimetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// Three rules that find out which of several servers are right, each in a world in which what it finds
// does not contain true time, although fewer than half of the servers lie. As filters, which is
// what NTP has them for, all three are good: they say where the truth probably is. A bound has to hold
// where it probably is not, too.

// Two honest servers say "now, give or take 1.5 ms". The third is 2.8 ms ahead and says the same. The
// late end of the honest intervals and the early end of the false one overlap by a little, so all
// three may be right at once. ntpd looks no further, and takes the overlap.
//
//	honest  [======T======]
//	honest  [======T======]
//	liar                [======|======]
//	ntpd                [=]
//	ours    [======T======]
func TestNtpdBelievesThatNobodyLies(t *testing.T) {
	honest := voter{Steady(0, time.Millisecond), near}
	liar := voter{Offset(2800*time.Microsecond, time.Millisecond), near}

	requireBothRight(t, ntpd, honest, honest, honest)
	requireOnlyOursRight(t, ntpd, honest, honest, liar)
}

// Three honest servers say "now, give or take 1.5 ms". The fourth claims to be nearly perfect, and tells
// a time that none of the others excludes. There is one place where all four overlap, and chrony's
// region is that place: whoever claims the smallest error decides.
//
//	honest  [======T======]
//	honest  [======T======]
//	honest  [======T======]
//	liar               []
//	chrony             []
//	ours    [======T======]
func TestChronyBelievesWhoeverClaimsToBePrecise(t *testing.T) {
	honest := voter{Steady(0, time.Millisecond), near}
	liar := voter{Offset(time.Millisecond, 10*time.Microsecond), atHand}

	requireBothRight(t, chrony, honest, honest, honest, honest)
	requireOnlyOursRight(t, chrony, honest, honest, honest, liar)
}

// Of five servers two are honest and near. The third is honest too, but requests are long on their way
// to it, so it says "now, or up to 30 ms later". Two liars agree on 20 ms later, to the microsecond.
// Three intervals overlap at the truth and three at the lie, and the smaller of the two overlaps is
// the lie.
//
//	honest    [==T==]
//	honest    [==T==]
//	far       [==T================================]
//	liar                                 []
//	liar                                 []
//	Marzullo                             []
//	ours      [==T=========================]
func TestMarzullosAlgorithmBelievesTheMorePreciseParty(t *testing.T) {
	honest := voter{Steady(0, time.Millisecond), near}
	far := voter{Steady(0, time.Millisecond), Path{There: Leg{Base: 30 * time.Millisecond}, Back: near.Back}}
	liar := voter{Offset(20*time.Millisecond, 10*time.Microsecond), atHand}

	requireBothRight(t, marzullo, honest, honest, far, honest, honest)
	requireOnlyOursRight(t, marzullo, honest, honest, far, liar, liar)
}

// ntpd returns the interval of the smallest f that works: from the lowest to the highest point that
// all but f intervals cover, for f = 0, 1, … until there is more than one. So does ntpd 4.2.8,
// clock_select in ntp_proto.c. (RFC 5905, section 11.2.1, counts midpoints as well.)
func ntpd(all []truetime.Interval) truetime.Interval {
	for f := 0; 2*f < len(all); f++ {
		if parts := coveredBy(len(all)-f, all); len(parts) > 0 {
			if low, high := parts[0].Earliest, parts[len(parts)-1].Latest; low < high {
				return truetime.Interval{Earliest: low, Latest: high}
			}
		}
	}
	return truetime.Interval{}
}

// chrony returns the region that the most intervals cover, if those are more than half of them, as
// SRC_SelectSource does in chrony's sources.c.
func chrony(all []truetime.Interval) truetime.Interval {
	parts, depth := deepest(all)
	if depth <= len(all)/2 {
		return truetime.Interval{}
	}
	return truetime.Interval{Earliest: parts[0].Earliest, Latest: parts[len(parts)-1].Latest}
}

// marzullo returns the smallest interval that the most intervals cover, which goes by the name of
// Marzullo's algorithm after his thesis, "Maintaining the time in a distributed system", Stanford 1984.
// His bound of 1990 is another one, and is ours.
func marzullo(all []truetime.Interval) truetime.Interval {
	parts, _ := deepest(all)
	return slices.MinFunc(parts, func(a, b truetime.Interval) int {
		return cmp.Compare(a.Width(), b.Width())
	})
}

// deepest returns the parts of the time line that the most intervals cover, and how many that are.
func deepest(all []truetime.Interval) (parts []truetime.Interval, depth int) {
	for depth = len(all); len(parts) == 0; depth-- {
		parts = coveredBy(depth, all)
	}
	return parts, depth + 1
}

// coveredBy returns the parts of the time line that at least so many intervals cover, in order.
func coveredBy(need int, all []truetime.Interval) (parts []truetime.Interval) {
	type end struct {
		at   truetime.Time
		last bool
	}
	var ends []end
	for _, i := range all {
		ends = append(ends, end{i.Earliest, false}, end{i.Latest, true})
	}
	slices.SortStableFunc(ends, func(a, b end) int { // what begins before what ends at the same moment
		if a.at == b.at && a.last != b.last {
			if b.last {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.at, b.at)
	})
	depth := 0
	for _, e := range ends {
		switch {
		case !e.last:
			if depth++; depth == need {
				parts = append(parts, truetime.Interval{Earliest: e.at})
			}
		default:
			if depth == need {
				parts[len(parts)-1].Latest = e.at
			}
			depth--
		}
	}
	return parts
}

// voter is a server and the way to it.
type voter struct {
	behavior Behavior
	path     Path
}

var (
	near   = Symmetric(Leg{Base: 500 * time.Microsecond})
	atHand = Path{}
)

type rule func([]truetime.Interval) truetime.Interval

func requireBothRight(t *testing.T, r rule, voters ...voter) {
	t.Helper()
	theirs, ours, now := apply(t, r, voters)
	require.True(t, theirs.Contains(now), "%v is not in %v", now, theirs)
	require.True(t, ours.Contains(now), "%v is not in %v", now, ours)
}

func requireOnlyOursRight(t *testing.T, r rule, voters ...voter) {
	t.Helper()
	theirs, ours, now := apply(t, r, voters)
	require.NotZero(t, theirs, "the rule has found nothing")
	require.False(t, theirs.Contains(now), "%v is in %v: this rule was not deceived", now, theirs)
	require.True(t, ours.Contains(now), "%v is not in %v", now, ours)
}

// apply runs a machine for 10 s, and then applies the rule to what each server has said last.
func apply(t *testing.T, r rule, voters []voter) (theirs, ours truetime.Interval, now truetime.Time) {
	t.Helper()
	world := NewWorld(1)
	last := make([]truetime.Sample, len(voters))
	config := MachineConfig{
		Oscillator: Constant(20),
		Poll:       time.Second,
		Samples:    func(source int, s truetime.Sample) { last[source] = s },
	}
	for i, v := range voters { // by its name a server is told from the others
		config.Sources = append(config.Sources, Link{Server: world.NewServer(fmt.Sprint("server ", i), v.behavior), Path: v.path})
	}
	machine := world.NewMachine("machine", config)
	world.Run(10 * time.Second)

	ours, err := machine.Now()
	require.NoError(t, err)
	var said []truetime.Interval
	for _, s := range last {
		require.NotZero(t, s, "a server was not heard")
		said = append(said, carried(s, machine))
	}
	now = world.Now()
	theirs = r(said)
	t.Logf("the rule: now %+v to %+v; ours: now %+v to %+v", theirs.Earliest.Sub(now), theirs.Latest.Sub(now), ours.Earliest.Sub(now), ours.Latest.Sub(now))
	return theirs, ours, now
}

// carried returns what a sample says about the present, for a counter that is off by up to 200 ppm.
func carried(s truetime.Sample, m *Machine) truetime.Interval {
	sinceSent, sinceReceived := m.Counter().Sub(s.Sent), m.Counter().Sub(s.Received)
	return truetime.Interval{
		Earliest: s.Earliest.Add(sinceReceived - sinceReceived/5000 - 1),
		Latest:   s.Latest.Add(sinceSent + sinceSent/4999 + 1),
	}
}
