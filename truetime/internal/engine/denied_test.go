package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// One machine is given by two names. It lies by the first, and denies service there, so that the second may have its vote.
// What it has said by the first does not go on voting beside that: two of three voters would be one machine.
func TestMachineThatDeniesServiceHasNoSecondVoteByAnotherName(t *testing.T) {
	const lie, machine = time.Hour, "192.0.2.66"
	for name, then := range map[string][]Outcome{
		"denies once":                    {Denied},
		"denies, and then says no more":  {Denied, TimedOut, TimedOut},
		"denies, and then is not usable": {Denied, Unusable},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(Config{
				Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000), Resolution: 1}, Faulty: 1, Voter: []int{0, 1, 2}},
				Poll:       polling.Config{Min: time.Second, Max: time.Minute, Burst: 1},
			})
			now := monotonic.Instant(0)
			look := func() {
				now = now.Add(time.Second)
				e.Look(now, discipline.CounterSpec{Drift: discipline.NewDrift(200_000), Resolution: 1}, "")
				if bounds, ok := e.Discipline().Bounds(); ok {
					i := bounds.At(now)
					require.True(t, i.Lo <= int64(now) && int64(now) <= i.Hi, "the answer is %v at %v", i, now)
				}
			}
			say := func(i int, peer string, off time.Duration) error {
				look()
				at := int64(now) + int64(off)
				return e.Finish(i, e.Begin(i, now), Reply{Peer: peer, Facts: discipline.Facts{
					Upper: discipline.Point{At: now, Time: at + 1000}, Lower: discipline.Point{At: now, Time: at - 1000},
				}}, now)
			}
			require.NoError(t, say(0, machine, lie))
			require.NoError(t, say(2, "192.0.2.1", 0))
			var duplicate *DuplicateError
			require.ErrorAs(t, say(1, machine, lie), &duplicate)
			for _, outcome := range then {
				look()
				_ = e.Finish(0, e.Begin(0, now), Reply{Outcome: outcome}, now)
			}
			_ = say(1, machine, lie)
			look()
			_ = say(0, machine, lie) // it is asked again after days
			look()
			_ = say(2, "192.0.2.1", 0)
			look()
		})
	}
}
