package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// says is a sample, taken in an instant, that bounds true time at that moment.
func (n *network) says(source int, at monotonic.Instant, low, high int64) {
	n.t.Helper()
	require.NoError(n.t, n.Add(source, Facts{Upper: Point{at, truth(at) + high}, Lower: Point{at, truth(at) + low}}, n.Epoch(), at))
}

// "At most f at any time within memory": a lie of yesterday does not make today's the second.
func TestConvictionIsForgottenWhenItsSourceHasBeenSilentForAsLongAsAnybodyIsRemembered(t *testing.T) {
	for name, second := range map[string]func(*network, monotonic.Instant){
		"narrow inside the honest ones": func(n *network, at monotonic.Instant) { n.says(1, at, 3*ms, 4*ms) },
		"a contradiction of its own":    func(n *network, at monotonic.Instant) { n.says(1, at, 50*ms, 60*ms) },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1, 0, 1, 2)
			for i := range 3 {
				n.says(i, at(1), -5*ms, 5*ms)
			}
			n.says(0, at(2), 50*ms, 60*ms) // one lie, then silence for ever
			require.Equal(t, Convicted, n.Verdict(0))
			s := 3.0
			for ; s < memory.Seconds()+10; s += 16 {
				n.says(1, at(s), -5*ms, 5*ms)
				n.says(2, at(s), -5*ms, 5*ms)
				n.requireTruthWithin(at(s))
			}
			require.Equal(t, Unheard, n.Verdict(0))
			second(n, at(s))
			n.requireTruthWithin(at(s))
			require.EqualValues(t, 1, n.Epoch())
		})
	}
}

func TestConvictionIsForgottenBetweenRarePolls(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.says(i, at(1), -5*ms, 5*ms)
	}
	n.says(0, at(2), 50*ms, 60*ms)
	hour := 3600.0
	for i := range 3 {
		n.says(i, at(hour), -5*ms, 5*ms)
	}
	require.Equal(t, Truechimer, n.Verdict(0))
	n.says(1, at(hour+1), 3*ms, 4*ms)
	n.requireTruthWithin(at(hour + 1))
}

// One source that contradicts itself at every poll is one of the f, and does not keep the others
// from an answer.
func TestFlappingLiarDoesNotBlockTheFirstAnswer(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for s := range 5 {
		n.sample(0, at(float64(s+1)), int64(s)*second)
		n.sample(1, at(float64(s+1)), 0)
	}
	n.requireTruthWithin(at(5))
	n.sample(2, at(6), 0)
	n.requireTruthWithin(at(6))
	require.Equal(t, []Verdict{Convicted, Truechimer, Truechimer}, n.verdicts())
}

// A group that disagrees within itself is one of the f, too.
func TestGroupThatDisagreesDoesNotBlockTheFirstAnswer(t *testing.T) {
	n := newNetwork(t, 1, 0, 0, 1, 2)
	for i, offset := range []int64{second, 0, 0, 0} {
		n.sample(i, at(1), offset)
	}
	n.requireTruthWithin(at(1))
	require.EqualValues(t, 1, n.Epoch())
}

// Half of a group may be convicted: then the group is, and not before.
func TestGroupIsConvictedWithHalfOfItsSources(t *testing.T) {
	for size, needed := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 3} {
		voter := make([]int, size)
		n := newNetwork(t, 0, voter...) // one voter, none may be wrong
		for i := range size {
			n.sample(i, at(1), 0)
		}
		for i := range needed {
			require.EqualValues(t, 1, n.Epoch(), "group of %d with %d convicted", size, i)
			n.sample(i, at(2), second)
		}
		require.EqualValues(t, 2, n.Epoch(), "group of %d with %d convicted", size, needed)
	}
}

// The sample that convicts a source is the first of those that requalify it, and until the fourth it
// has no vote, though it lies within what an honest voter allows.
func TestConvictedSourceHasNoVoteUntilItsFourthSample(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	n.says(0, at(1), -10*ms, 2*ms)
	n.says(1, at(1), -2*ms, 10*ms)
	n.says(2, at(1), -50*ms, -49*ms)
	for sample := 1; sample <= 4; sample++ {
		now := at(1 + float64(sample)/1000)
		n.says(2, now, 7*ms, 9*ms) // inside the second voter
		i := n.requireTruthWithin(now)
		if sample < 4 {
			require.Equal(t, Convicted, n.Verdict(2), "sample %d", sample)
		} else {
			require.NotEqual(t, Convicted, n.Verdict(2))
		}
		require.InDelta(t, 4*ms, i.Hi-i.Lo, 10_000, "the intersection of the two others")
	}
}

// The only source steps by 900 ms when nothing that it said before is remembered any more. It does
// not contradict itself, but the answer carried from before.
func TestAgreementThatExcludesTheCarriedAnswerEndsTheEpoch(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.says(0, at(1), -ms, ms)
	n.says(0, at(2+memory.Seconds()), 900*ms, 901*ms)
	require.EqualValues(t, 2, n.Epoch())
	require.Contains(t, n.LastDisruption().Reason, "excludes the one carried from before")
	n.requireNoAnswer()
}

func TestFactsAreRememberedBucketByBucket(t *testing.T) {
	carried := &motion{CounterSpec: CounterSpec{Drift: NewDrift(200_000)}}
	var w window
	tight := exchange(at(0), 0)
	w.insert(tight, carried)
	wide := func(seconds float64) Facts {
		f := exchange(at(seconds), 0)
		f.Upper.Time += second
		f.Lower.Time -= second
		return f
	}
	// A wide sample every minute: the tight one bounds until it is 20 minutes old, and not longer.
	for minute := 1.0; minute <= 25; minute++ {
		w.age(at(60 * minute))
		w.insert(wide(60*minute), carried)
		i := w.at(at(60*minute), carried)
		if minute < 20 {
			require.Equal(t, carried.at(tight, at(60*minute)), i, "minute %v", minute)
		} else {
			require.Greater(t, i.Hi-i.Lo, 2*second, "minute %v", minute)
		}
		require.LessOrEqual(t, w.filled, windowBuckets)
	}
}

// A contradiction is seen at the moment of the fact, to the nanosecond: ten seconds later the drift
// would have blurred 4 ms.
func TestContradictionIsSeenAtTheMomentOfTheFact(t *testing.T) {
	carried := &motion{CounterSpec: CounterSpec{Drift: NewDrift(200_000)}}
	var w window
	w.insert(Facts{Upper: Point{at(0), second}, Lower: Point{at(0), 0}}, carried)
	limit := w.at(at(1), carried).Lo
	long := func(upper int64) Facts { return Facts{Upper: Point{at(1), upper}, Lower: Point{at(11), second}} }
	require.False(t, w.contradicts(long(limit), carried))
	require.True(t, w.contradicts(long(limit-1), carried))
}

// A source in the gap between two parts of the region agrees with nobody, though it lies within the
// hull; and one that meets the region outside the carried answer is wrong as well.
func TestVerdictIsHeldAgainstTheRegionAndTheAnswer(t *testing.T) {
	n := newNetwork(t, 2, 0, 1, 2, 3, 4)
	n.says(0, at(1), -10*ms, -8*ms)
	n.says(1, at(1), -10*ms, 10*ms)
	n.says(2, at(1), -10*ms, 10*ms)
	n.says(3, at(1), 8*ms, 10*ms)
	n.says(4, at(1), -ms, ms)
	require.Equal(t, Truechimer, n.Verdict(4), "three intervals cover the middle")

	n = newNetwork(t, 1, 0, 1, 2, 3)
	n.says(0, at(1), -10*ms, -8*ms)
	n.says(1, at(1), -10*ms, 10*ms)
	n.says(2, at(1), -10*ms, -8*ms)
	n.says(3, at(1), 2*ms, 3*ms)
	require.Equal(t, Falseticker, n.Verdict(3))
}

func TestFirstBriefEpochsDoNotMakeTheCounterFaultyAndTheThirdDoes(t *testing.T) {
	n := newNetwork(t, 0, 0)
	now := 1.0
	brief := func() {
		n.sample(0, at(now), 0)
		n.sample(0, at(now+1), second)
		now += 2
	}
	lasting := func() {
		for range 10 * briefSamples {
			n.sample(0, at(now), 0)
			now += 2 * briefSpan.Seconds() / (10 * briefSamples)
		}
		n.sample(0, at(now), second)
		now++
	}
	brief()
	brief()
	require.False(t, n.CounterFaulty())
	lasting()
	brief()
	brief()
	require.False(t, n.CounterFaulty(), "an epoch has lasted in between")
	brief()
	require.True(t, n.CounterFaulty())
	require.EqualValues(t, 7, n.Epoch())
}

// Five minutes with hardly a sample prove nothing about a counter.
func TestEpochWithFewSamplesIsBrief(t *testing.T) {
	n := newNetwork(t, 0, 0)
	for i := range 4 {
		n.sample(0, at(float64(i)*3600), 0)
		n.sample(0, at(float64(i)*3600+600), second)
	}
	require.True(t, n.CounterFaulty())
}

// A counter whose zero lies in the future reads negative.
func TestCounterMayReadNegative(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(-3600), 0)
	n.requireTruthWithin(at(-3600))
	n.requireTruthWithin(at(100))
	require.EqualValues(t, 1, n.Epoch())
}

// A silent source whose interval is old and wide still has its vote: it does not turn into one that
// allows everything, or a liar could widen the answer beyond the honest ones.
func TestLiarCannotWidenBeyondTheHonestThoughTheyAreSilent(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.says(i, at(1), -5*ms, 5*ms)
	}
	honest := n.Interval(0, at(1+memory.Seconds()))
	later := at(1 + memory.Seconds())
	n.says(2, later, -3600*second, 3600*second)
	i := n.requireTruthWithin(later)
	require.GreaterOrEqual(t, i.Lo, honest.Lo-10)
	require.LessOrEqual(t, i.Hi, honest.Hi+10)
	require.NotEqual(t, agreement.Everything, honest)
}

// Whoever goes on to show that it is wrong is not forgotten for want of samples: two of three take back what they said, half an
// hour apart, and the answer may be made of both.
func TestASourceThatGoesOnTakingBackIsNotForgotten(t *testing.T) {
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 1, Voter: []int{0, 1, 2}})
	now := monotonic.Instant(0)
	for i := range 3 {
		now += monotonic.Instant(time.Second)
		require.NoError(t, d.Add(i, Facts{Upper: Point{now, int64(now) + 1000}, Lower: Point{now, int64(now) - 1000}}, 1, now))
	}
	for range 30 {
		now += monotonic.Instant(time.Minute)
		d.Retract(0, now)
		require.NoError(t, d.Add(2, Facts{Upper: Point{now, int64(now) + 1000}, Lower: Point{now, int64(now) - 1000}}, 1, now))
		require.Equal(t, Convicted, d.Verdict(0))
	}
	d.Retract(1, now)
	require.EqualValues(t, 2, d.Epoch())
}
