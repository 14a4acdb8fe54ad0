package discipline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

func TestOneExchangeSeenAtItsEnd(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	require.Equal(t, seenAtItsEnd(at(1)), n.requireTruthWithin(at(1)))
}

func TestHoldoverWidensForEverAndStaysTrue(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	start := n.requireTruthWithin(at(1))
	for _, years := range []float64{0.001, 1, 100} {
		later := at(1 + years*365.25*86400)
		i := n.requireTruthWithin(later)
		growth := (i.Hi - i.Lo) - (start.Hi - start.Lo)
		require.InEpsilon(t, 2*200.04e-6*years*365.25*86400*1e9, float64(growth), 1e-6)
	}
}

// Whoever is silent covers everything, so the region is bounded from f+1 voters on, and no sooner.
func TestFirstAnswerNeedsFPlusOneVoters(t *testing.T) {
	for _, c := range []struct{ n, f int }{{1, 0}, {2, 0}, {3, 0}, {3, 1}, {4, 1}, {5, 2}, {5, 1}, {7, 3}} {
		voters := make([]int, c.n)
		for i := range voters {
			voters[i] = i
		}
		n := newNetwork(t, c.f, voters...)
		for epoch := range 3 {
			now := at(float64(100*epoch + 1))
			for i := range c.f + 1 {
				n.requireNoAnswer()
				require.Equal(t, i, n.Heard())
				n.sample((i+epoch)%c.n, now, 0)
			}
			n.requireTruthWithin(now)
			n.Disrupt(now, Counter, "test") // and it takes no more to come back
		}
	}
}

// The same rule for the sources that share a vote: of three, two that have been heard bound it.
func TestFirstAnswerOfGroupsWithOneDeadInEach(t *testing.T) {
	n := newNetwork(t, 1, 0, 0, 0, 1, 1, 1, 2, 2, 2)
	n.sample(0, at(1), 0)
	n.sample(1, at(1), 0)
	n.sample(3, at(1), 0)
	n.requireNoAnswer()
	require.Equal(t, 1, n.Heard())
	n.sample(4, at(1), 0)
	n.requireTruthWithin(at(1))
	require.Equal(t, 2, n.Heard())
}

// A first answer of fewer than 2f+1 voters is as wide as the liars among them like, up to what an honest server may claim. Beyond
// that it waits for the voter that decides.
func TestFirstAnswerThatLiarsMakeWideIsBounded(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	n.sample(0, at(1), 0)
	n.sample(1, at(1), 30*second)
	i := n.requireTruthWithin(at(1))
	require.Greater(t, i.Hi-i.Lo, 30*second)
	n.sample(2, at(2), 0)
	i = n.requireTruthWithin(at(2))
	require.Less(t, i.Hi-i.Lo, 5*ms)

	for _, years := range []int64{-200, -1, 1, 200} {
		n := newNetwork(t, 1, 0, 1, 2)
		for round := range 5 {
			n.sample(0, at(float64(round+1)), 0)
			n.sample(1, at(float64(round+1)), years*365*86400*second)
			n.requireNoAnswer()
			require.Equal(t, 2, n.Heard())
		}
		n.sample(2, at(6), 0)
		i = n.requireTruthWithin(at(6))
		require.Less(t, i.Hi-i.Lo, 5*ms, "and then it is narrow at once")
		require.EqualValues(t, 1, n.Epoch())
	}
}

// Honest voters may claim as much as they like: from 2f+1 on it is theirs.
func TestFirstAnswerOfVagueVotersIsGiven(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.requireNoAnswer()
		n.says(i, at(1), -3600*second, 3600*second)
	}
	n.requireTruthWithin(at(1))
}

func TestLiarIsNamedAndMovesNothing(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2, 3)
	for round := range 10 {
		now := at(float64(round + 1))
		n.sample(0, now, 0)
		n.sample(1, now, 300*ms)
		n.sample(2, now, 0)
		n.sample(3, now, 0)
		n.requireTruthWithin(now)
	}
	require.Equal(t, []Verdict{Truechimer, Falseticker, Truechimer, Truechimer}, n.verdicts())
	require.EqualValues(t, 1, n.Epoch())
}

// Two of three fall silent; the third starts to lie. Counted among those who answer it would be the
// majority. Counted among those configured it cannot get a word in.
func TestSilentSourcesGoOnVoting(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	for s := 2; s < 1000; s++ {
		n.sample(2, at(float64(s)), 100*ms*int64(s))
		n.requireTruthWithin(at(float64(s)))
	}
	require.EqualValues(t, 1, n.Epoch(), "one convicted voter is within f")
}

func TestEarliestNeverGoesBackWithinAnEpoch(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	last := n.requireTruthWithin(at(1)).Lo
	for step := range 10_000 {
		now := at(1) + monotonic.Instant(step*1_234_567)
		n.sample(step%3, now, 0)
		lo := n.requireTruthWithin(now).Lo
		require.GreaterOrEqual(t, lo, last)
		last = lo
	}
}

func TestSourceThatContradictsItselfIsConvictedAndRequalifies(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	n.sample(0, at(2), 50*ms)
	require.Equal(t, Convicted, n.Verdict(0))
	n.requireTruthWithin(at(2))

	for s := 3; s < 2+requalifySamples; s++ {
		n.sample(0, at(float64(s)), 0)
		if s == 3 {
			require.Equal(t, Convicted, n.Verdict(0), "back on time, which contradicts its last lie")
			continue
		}
		require.Equal(t, Convicted, n.Verdict(0), "only %d consistent samples", s-2)
	}
	n.sample(0, at(2+requalifySamples), 0)
	require.Equal(t, Truechimer, n.Verdict(0))
	require.EqualValues(t, 1, n.Epoch())
}

// A convicted voter covers nothing, and the threshold stays n−f: with n=3 and f=1 the two others
// must now agree in full, which is narrower than the hull of any two of three.
func TestConvictedVoterCoversNothing(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	n.sample(0, at(1), -ms)
	n.sample(1, at(1), ms)
	n.sample(2, at(1), 0)
	wide := n.requireTruthWithin(at(1))
	n.sample(2, at(1.001), 80*ms)
	require.Equal(t, Convicted, n.Verdict(2))
	narrow := n.requireTruthWithin(at(1.001))
	require.Less(t, narrow.Hi-narrow.Lo, wide.Hi-wide.Lo)
}

// The counter jumps by 1 s while nobody looks. Every source then contradicts its own past, and more
// than f contradicting themselves together is the counter's doing.
func TestCounterJumpConvictsTooManyAndEndsTheEpoch(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	jump := second
	n.sample(0, at(10), jump)
	require.EqualValues(t, 1, n.Epoch(), "one may be a liar")
	n.sample(1, at(10), jump)
	n.requireNoAnswer()
	require.EqualValues(t, 2, n.Epoch())
	require.Contains(t, n.LastDisruption().Reason, "2 voters contradict themselves")
	require.Equal(t, at(10), n.LastDisruption().At)
	require.Equal(t, []Verdict{Unheard, Unheard, Unheard}, n.verdicts(), "history is dropped")

	n.sample(0, at(11), jump)
	n.requireNoAnswer()
	n.sample(1, at(11), jump)
	n.sample(2, at(11), jump)
	bounds, ok := n.Bounds()
	require.True(t, ok)
	want := seenAtItsEnd(at(11))
	require.Equal(t, agreement.Interval{Lo: want.Lo + jump, Hi: want.Hi + jump}, bounds.At(at(11)))
}

func TestCounterThatGoesBackEndsTheEpoch(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(100), 0)
	require.ErrorIs(t, n.Add(0, exchange(at(40), 0), n.Epoch(), at(40)), ErrOtherEpoch)
	n.requireNoAnswer()
	require.EqualValues(t, 2, n.Epoch())
	require.Contains(t, n.LastDisruption().Reason, "went back by 1m0s")
}

func TestNoCommonMomentEndsTheEpoch(t *testing.T) {
	// Three voters of which none may be wrong, first in agreement. The third then drifts away so
	// slowly that it never contradicts itself.
	n := newNetwork(t, 0, 0, 1, 2)
	for s := 1; n.Epoch() == 1; s++ {
		require.Less(t, s, 100_000, "the lie must be noticed")
		n.sample(0, at(float64(s)), 0)
		n.sample(1, at(float64(s)), 0)
		n.sample(2, at(float64(s)), int64(s)*150_000) // 150 ppm
	}
	require.Contains(t, n.LastDisruption().Reason, "no moment is covered by 3 of 3 voters")
	n.requireNoAnswer()
}

// Voters that never agree end one epoch after the other, each when enough of them have been heard. More than f of them are wrong
// or the counter is, and after a few the answer is refused.
func TestNoAgreementIsRefused(t *testing.T) {
	for _, c := range []struct {
		faulty  int
		voter   []int
		offsets []int64
	}{
		{0, []int{0, 1}, []int64{0, 250}},
		{1, []int{0, 1, 2}, []int64{0, 250, 500}},
		{2, []int{0, 1, 2, 3, 4}, []int64{0, 0, 250, 250, 500}},
		{0, []int{0, 0, 1, 1}, []int64{0, 0, 250, 250}},
		{0, []int{0, 0}, []int64{0, 250}},
	} {
		n := newNetwork(t, c.faulty, c.voter...)
		for round := range 10 {
			for i, offset := range c.offsets {
				n.sample(i, at(float64(round+1)), offset*ms)
			}
		}
		require.True(t, n.CounterFaulty())
	}
}

func TestSampleBegunBeforeADisruptionIsNotUsed(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	begun := n.Epoch()
	n.Disrupt(at(2), Counter, "test")
	require.ErrorIs(t, n.Add(0, exchange(at(2.001), 0), begun, at(2.001)), ErrOtherEpoch)
	n.requireNoAnswer()
}

func TestSampleThatExcludesItselfIsRejectedAndNotClamped(t *testing.T) {
	n := newNetwork(t, 0, 0)
	bad := Facts{Upper: Point{at(1), truth(at(1))}, Lower: Point{at(1), truth(at(1)) + 3}} // and 1 ns for each rounding
	require.ErrorIs(t, n.Add(0, bad, 1, at(1)), ErrSelfContradiction)
	n.requireNoAnswer()
	require.Equal(t, Unheard, n.Verdict(0))
}

func TestSampleOutOfOrderIsRejected(t *testing.T) {
	n := newNetwork(t, 0, 0)
	f := exchange(at(5), 0)
	require.ErrorIs(t, n.Add(0, f, 1, at(4.999)), ErrOrder, "received after now")
	f.Upper.At, f.Lower.At = f.Lower.At, f.Upper.At
	require.ErrorIs(t, n.Add(0, f, 1, at(6)), ErrOrder, "received before it was sent")
}

// Five addresses of one operator are one vote: three honest ones of three operators outvote them.
func TestGroupIsOneVote(t *testing.T) {
	n := newNetwork(t, 1, 0, 0, 0, 0, 0, 1, 2, 3)
	for i := range 8 {
		offset := int64(0)
		if i < 5 {
			offset = 200 * ms
		}
		n.sample(i, at(1), offset)
	}
	n.requireTruthWithin(at(1))
	require.Equal(t, 4, n.Voters())
	require.Equal(t, Falseticker, n.Verdict(0))
	require.Equal(t, Truechimer, n.Verdict(7))
}

// Within a group the same rule holds once more: one bad server of three does not spoil the vote.
func TestGroupToleratesAMinorityOfItsOwn(t *testing.T) {
	n := newNetwork(t, 0, 0, 0, 0)
	for i, offset := range []int64{0, 200 * ms, 0} {
		n.sample(i, at(1), offset)
	}
	n.requireTruthWithin(at(1))
	require.Equal(t, []Verdict{Truechimer, Falseticker, Truechimer}, n.verdicts())
}

func TestSampleDoesNotAllocate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("assertions allocate")
	}
	n := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 1, Voter: []int{0, 1, 2, 3}})
	now := at(1)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		now += monotonic.Instant(100 * ms)
		if err := n.Add(int(now)%4, exchange(now, 0), 1, now); err != nil {
			t.Fatal(err)
		}
	}))
}
