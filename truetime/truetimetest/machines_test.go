package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// crowd is a world with so many honest servers, each with a vote of its own, in as many groups of three if grouped.
func crowd(seed uint64, n int, grouped bool) (*World, []*Server, []Link) {
	w := NewWorld(seed)
	var servers []*Server
	var links []Link
	for i := range n {
		members, group := 1, ""
		if grouped {
			members, group = 3, fmt.Sprint("g", i)
		}
		for k := range members {
			s := w.NewServer(fmt.Sprintf("s%d.%d", i, k), Honest(100*time.Microsecond))
			servers = append(servers, s)
			links = append(links, Link{Server: s, Path: LAN(), Group: group})
		}
	}
	return w, servers, links
}

func requireUp(t *testing.T, w *World, m *Machine, within time.Duration) truetime.Interval {
	t.Helper()
	for range 60 {
		w.Run(within / 60)
		require.NoError(t, m.Check())
	}
	i, err := m.Now()
	require.NoError(t, err, m.Status().Summary())
	return i
}

// With f servers dead a clock comes up, and comes back after a pause, on what is left; in groups, too, with one dead in
// each.
func TestClocksComeUpAndComeBackWithFDead(t *testing.T) {
	for _, n := range []int{3, 5, 7} {
		for _, grouped := range []bool{false, true} {
			w, servers, links := crowd(uint64(n), n, grouped)
			for i := range servers {
				if grouped && i%3 == 0 || !grouped && i < (n-1)/2 {
					servers[i].Become(Dead())
				}
			}
			m := w.NewMachine("m", MachineConfig{Oscillator: Constant(30), Sources: links, Poll: time.Second})
			requireUp(t, w, m, 10*time.Second)
			require.Equal(t, truetime.Synchronized, m.Status().State)
			for range 3 {
				m.Pause(6 * time.Second)
				w.Run(7 * time.Second)
				i := requireUp(t, w, m, 10*time.Second)
				require.Less(t, i.Uncertainty(), 2*time.Millisecond)
			}
			require.EqualValues(t, 4, m.Status().Epoch)
			if !grouped {
				require.Contains(t, m.Status().Summary(), fmt.Sprintf("answering, %d of %d voters heard", n-(n-1)/2, n))
			}
		}
	}
}

// Two precise servers are right, and so is one that is vague. Two become liars, within what the vague one allows. The
// moments that three of five cover are in two parts, and the previous answer meets one of them. It is the same where each voter is a group.
func TestLiarsInsideAVagueServerWidenNothing(t *testing.T) {
	race.Slow(t)
	for _, grouped := range []bool{false, true} {
		w, servers, links := crowd(7, 5, grouped)
		per := len(servers) / 5
		for i, s := range servers {
			switch i / per {
			case 0, 1:
				s.Become(Turncoat(Honest(100*time.Microsecond), time.Minute, Offset(100*time.Millisecond, 100*time.Microsecond)))
			case 2:
				s.Become(Steady(0, 150*time.Millisecond))
			}
		}
		m := w.NewMachine("m", MachineConfig{Oscillator: Constant(50), Sources: links, Poll: time.Second})
		w.Run(59 * time.Second)
		for range 6 {
			i := requireUp(t, w, m, 5*time.Minute)
			require.Less(t, i.Uncertainty(), time.Millisecond, "grouped: %v", grouped)
		}
	}
}

// Within a group: one of the three of each is vague and one lies inside it. What two of three cover is in two parts, and
// a vote that were their hull would have room for the lie of a voter that lies as a whole.
func TestLiarInsideAVagueServerOfAGroupWidensNothing(t *testing.T) {
	w, servers, links := crowd(8, 3, true)
	lie := Turncoat(Honest(100*time.Microsecond), time.Minute, Offset(100*time.Millisecond, 100*time.Microsecond))
	for g := range 3 {
		servers[3*g].Become(Steady(0, 150*time.Millisecond))
		if g > 0 {
			servers[3*g+1].Become(lie)
		}
	}
	m := w.NewMachine("m", MachineConfig{Oscillator: Constant(50), Sources: links, Poll: time.Second})
	w.Run(59 * time.Second)
	for range 6 {
		require.Less(t, requireUp(t, w, m, 5*time.Minute).Uncertainty(), time.Millisecond)
	}
}

// A liar with two addresses is one liar.
func TestMachineWithTwoAddressesCannotOutvote(t *testing.T) {
	for seed := range uint64(20) {
		w, servers, links := crowd(seed, 3, false)
		for _, s := range servers[1:] {
			s.Become(Offset(time.Hour, time.Millisecond))
			s.Shows(servers[1])
		}
		m := w.NewMachine("m", MachineConfig{Sources: links, Poll: time.Second})
		for range 600 {
			w.Run(100 * time.Millisecond)
			require.NoError(t, m.Check())
		}
		require.Equal(t, []string{servers[2].Name()}, m.Status().Sources[1].SameAs)
	}
}

// A liar that shows what honest servers show, to be counted with them, neither silences them nor widens the answer.
func TestLiarThatCopiesHonestServersGainsNothing(t *testing.T) {
	w, servers, links := crowd(3, 5, false)
	for _, s := range servers[:2] {
		s.Become(Turncoat(Honest(time.Microsecond), time.Minute, Offset(time.Hour, time.Microsecond)))
		s.Shows(servers[2:]...)
	}
	m := w.NewMachine("m", MachineConfig{Oscillator: Constant(50), Sources: links, Poll: time.Second})
	require.Less(t, requireUp(t, w, m, 30*time.Second).Uncertainty(), time.Millisecond)
	m.Pause(6 * time.Second)
	w.Run(time.Minute)
	require.Less(t, requireUp(t, w, m, time.Hour).Uncertainty(), time.Millisecond)
	require.Len(t, m.Status().Sources[0].SameAs, 4)
}

// Three servers are one machine, of which nothing is known if one machine may be wrong. Status says so.
func TestOneMachineUnderAllNamesIsNoAnswer(t *testing.T) {
	w, servers, links := crowd(3, 3, false)
	for _, s := range servers {
		s.Shows(servers[0])
	}
	m := w.NewMachine("m", MachineConfig{Sources: links, Poll: time.Second})
	w.Run(time.Minute)
	_, err := m.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.Contains(t, m.Status().Summary(), "1 of 3 voters heard, and 2 are needed")
	require.Contains(t, m.Status().Summary(), "s0.0 may be the same machine as s1.0, s2.0")
}

// The worst that a wide first answer can do: one server is dead and one lies by as much as is let through, or by years, where the
// end of a month is near and no table says whether there is a leap second. It stays true, costs no epoch, and is narrow
// as soon as the third is back.
func TestWideFirstAnswerNearThePossibleLeapSecondStaysTrue(t *testing.T) {
	const june = truetime.Time(1_814_313_600_000_000_000) // the end of June 2027
	for _, lie := range []time.Duration{31 * time.Second, -31 * time.Second, 24 * time.Hour, -24 * time.Hour, 3 * 8766 * time.Hour} {
		for _, before := range race.Some([]time.Duration{time.Minute, 13 * time.Hour, 2 * 24 * time.Hour}, 2) {
			w := NewWorld(9)
			w.StartAt(june.Add(-before))
			honest, liar, dead := w.NewServer("honest", Honest(time.Millisecond)), w.NewServer("liar", Offset(lie, time.Millisecond)), w.NewServer("dead", Dead())
			m := w.NewMachine("m", MachineConfig{
				Sources: []Link{{Server: honest, Path: LAN()}, {Server: liar, Path: LAN()}, {Server: dead, Path: LAN()}}, Poll: 16 * time.Second,
				TableUntil: june.Add(-40 * 24 * time.Hour),
			})
			for range 200 {
				w.Run(before / 400)
				require.NoError(t, m.Check())
			}
			_, err := m.Now()
			require.Equal(t, lie.Abs() < 32*time.Second, err == nil, "%v before the end, with a lie of %v: %s", before, lie, m.Status().Summary())
			require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
			if err == nil {
				i, _ := m.Now()
				require.Less(t, i.Uncertainty(), 20*time.Second)
			}
			if before < time.Hour {
				continue // at the leap second itself nothing begins
			}
			dead.Become(Honest(time.Millisecond))
			for range 200 {
				w.Run(before / 800)
				require.NoError(t, m.Check())
			}
			i, err := m.Now()
			require.NoError(t, err, m.Status().Summary())
			require.Less(t, i.Uncertainty(), 2*time.Second)
		}
	}
}
