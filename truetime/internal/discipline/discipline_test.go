package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)

	// truthAtZero is true time when the counter of these tests reads 0; both then run at one rate.
	truthAtZero = 1_000_000 * second
)

// network is a discipline with a counter that keeps true time, so that the truth is easy to see.
type network struct {
	*Discipline
	t *testing.T
}

func newNetwork(t *testing.T, faulty int, voter ...int) *network {
	return &network{New(Config{Scale: Scale{Drift: NewDrift(200_000)}, Faulty: faulty, Voter: voter}), t}
}

func truth(at monotonic.Instant) int64 { return truthAtZero + int64(at) }

// exchange is a sample of a source that is wrong by offset, took 2 ms and claims ±1 ms.
func exchange(at monotonic.Instant, offset int64) Facts {
	sent, stamp := at-monotonic.Instant(2*ms), truth(at)-ms+offset
	return Facts{Upper: Point{sent, stamp + ms}, Lower: Point{at, stamp - ms}}
}

func (n *network) sample(source int, at monotonic.Instant, offset int64) {
	n.t.Helper()
	require.NoError(n.t, n.Add(source, exchange(at, offset), n.Epoch(), at))
}

func (n *network) requireTruthWithin(at monotonic.Instant) agreement.Interval {
	n.t.Helper()
	bounds, ok := n.Bounds()
	require.True(n.t, ok, "there is no answer")
	i := bounds.At(at)
	require.True(n.t, i.Bounded())
	require.LessOrEqual(n.t, i.Lo, truth(at))
	require.GreaterOrEqual(n.t, i.Hi, truth(at))
	return i
}

func (n *network) requireNoAnswer() {
	n.t.Helper()
	_, ok := n.Bounds()
	require.False(n.t, ok)
}

func at(seconds float64) monotonic.Instant { return monotonic.Instant(seconds * float64(second)) }

// seenAtItsEnd is what an exchange says at c4: with δ = 2 ms, E = 1 ms and ρ' = 200.04 ppm it is
// [T3 − E, T2 + E + (c4−c1)(1+ρ')], rounded up once.
func seenAtItsEnd(end monotonic.Instant) agreement.Interval {
	return agreement.Interval{Lo: truth(end) - 2*ms, Hi: truth(end) + 2*ms + 401}
}

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

func TestFirstAnswerNeedsTwoFPlusOneVoters(t *testing.T) {
	for _, c := range []struct{ n, f, want int }{{1, 0, 1}, {2, 0, 2}, {3, 0, 2}, {3, 1, 3}, {4, 1, 3}, {5, 2, 5}, {5, 1, 3}, {7, 3, 7}} {
		voters := make([]int, c.n)
		for i := range voters {
			voters[i] = i
		}
		n := newNetwork(t, c.f, voters...)
		for i := range c.want {
			n.requireNoAnswer()
			n.sample(i, at(1), 0)
		}
		n.requireTruthWithin(at(1))
	}
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

func (n *network) verdicts() (v []Verdict) {
	for i := range n.sources {
		v = append(v, n.Verdict(i))
	}
	return v
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

	for i := range 3 {
		n.requireNoAnswer()
		n.sample(i, at(11), jump)
	}
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

// Voters that never agree are no reason for an answer, however many of them have been heard: not at
// the start, and not after a disruption.
func TestNoAgreementIsNoAnswer(t *testing.T) {
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
		for epoch := uint64(1); epoch < 4; epoch++ {
			for round := range 5 {
				for i, offset := range c.offsets {
					n.sample(i, at(float64(epoch)*100+float64(round)), offset*ms)
					n.requireNoAnswer()
					require.Equal(t, epoch, n.Epoch(), "nothing was disrupted")
				}
			}
			n.Disrupt(at(float64(epoch)*100+10), "test")
		}
	}
}

func TestSampleBegunBeforeADisruptionIsNotUsed(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	begun := n.Epoch()
	n.Disrupt(at(2), "test")
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

func TestOldLieAgesOut(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	// Over the length of the window the counter may drift by 240 ms, so a step of 900 ms contradicts
	// what the source said then. It is no longer remembered, and only what is remembered convicts.
	window := float64(windowBuckets) * bucketSpan.Seconds()
	n.sample(0, at(window+2), 900*ms)
	require.Equal(t, Falseticker, n.Verdict(0), "wrong, but it contradicts nothing it said within memory")
}

func TestWindowKeepsTheBestFactOfEachBucket(t *testing.T) {
	d := &motion{Scale: Scale{Drift: NewDrift(200_000)}}
	var w window
	best := exchange(at(1), 0)
	w.insert(best, d)
	for s := 1.001; s < 2; s += 0.001 {
		worse := exchange(at(s), 0)
		worse.Upper.Time += 10 * ms
		worse.Lower.Time -= 10 * ms
		w.insert(worse, d)
	}
	require.Equal(t, 1, w.filled)
	require.Equal(t, best, w.buckets[0])

	for minutes := 1.0; minutes < 60; minutes++ {
		w.age(at(60 * minutes))
		w.insert(exchange(at(60*minutes), 0), d)
		require.LessOrEqual(t, w.filled, windowBuckets)
	}
	require.GreaterOrEqual(t, int64(w.from[0]), int64(at(60*59-windowBuckets*300)))
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

// A counter that is out of its drift is refused for good after a few short epochs, and taken back
// once an epoch has lasted.
func TestCounterOutOfItsDriftBecomesFaultyAndRecovers(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	const excess = 1000 // ns per ms: 1000 ppm
	step := 0
	for ; !n.Faulty(); step++ {
		require.Less(t, step, 10_000, "1000 ppm must be noticed")
		now := at(float64(step+1) / 10)
		n.sample(step%3, now, int64(step)*100*excess)
	}
	wrong := int64(step) * 100 * excess
	require.Greater(t, n.Epoch(), uint64(maxBriefEpochs))

	recovered := 0
	for ; n.Faulty(); recovered++ {
		require.Less(t, recovered, 10_000)
		step++
		n.sample(step%3, at(float64(step+1)/10), wrong)
	}
	require.GreaterOrEqual(t, float64(recovered)/10, briefSpan.Seconds())

	n.Disrupt(at(float64(step+2)/10), "suspended")
	require.False(t, n.Faulty(), "an epoch has lasted, so what was before it is forgiven")
}

// The kernel falls back to a clocksource of 3.6 MHz: from then on a reading may be 282 ns behind.
func TestRescaleTakesTheResolutionOfAnotherCounter(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	before := n.requireTruthWithin(at(1))
	n.Disrupt(at(2), "another clocksource")
	n.Rescale(Scale{Drift: NewDrift(200_000), Resolution: 282})
	n.sample(0, at(3), 0)
	after := n.requireTruthWithin(at(3))
	require.Greater(t, after.Hi-after.Lo, before.Hi-before.Lo+2*281)
}

func TestRateOfTheEpochContainsTheTrueRateAndNarrows(t *testing.T) {
	n := newNetwork(t, 0, 0)
	low, high := n.Rate(0)
	require.InDelta(t, -200.04, low, 0.01)
	require.InDelta(t, 200.04, high, 0.01)
	for s := 1; s <= 1000; s++ {
		n.sample(0, at(float64(s)), 0)
		low, high = n.Rate(at(float64(s)))
		require.LessOrEqual(t, low, 0.0)
		require.GreaterOrEqual(t, high, 0.0)
	}
	require.Less(t, high-low, 10.0, "4 ms wide over 1000 s")
}

// The counter is found to run 15 ppm fast, after it had been used for a while as 0 to 20 ppm fast.
func TestRescaleNarrowsThePastToo(t *testing.T) {
	n := newNetwork(t, 0, 0)
	rho := NewDrift(200_000)
	n.Rescale(Scale{Drift: rho.Scaled(0, 20e-6)})
	n.sample(0, at(1), 0)
	before := n.requireTruthWithin(at(101))
	n.Rescale(Scale{Drift: rho.Scaled(0, 1e-6)})
	after := n.requireTruthWithin(at(101))
	require.InEpsilon(t, 19e-6*100e9, float64(after.Lo-before.Lo), 1e-3, "Earliest is 19 ppm of 100 s later")
	require.Equal(t, before.Hi, after.Hi)
}

func TestSampleDoesNotAllocate(t *testing.T) {
	n := New(Config{Scale: Scale{Drift: NewDrift(200_000)}, Faulty: 1, Voter: []int{0, 1, 2, 3}})
	now := at(1)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		now += monotonic.Instant(100 * ms)
		if err := n.Add(int(now)%4, exchange(now, 0), 1, now); err != nil {
			t.Fatal(err)
		}
	}))
}
