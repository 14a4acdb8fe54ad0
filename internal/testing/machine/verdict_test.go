//go:build linux

package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// scripted is an answer given at one moment, whose interval is 2 ms wide and off by so much.
func scripted(at time.Duration, epoch uint64, polls int, off time.Duration) Answer {
	moment := truetime.Time(at)
	center := moment.Add(off)
	return Answer{
		Before: moment, After: moment, Epoch: epoch, Counter: at, Polls: []int{polls, polls, polls},
		Interval: truetime.Interval{Earliest: center.Add(-time.Millisecond), Latest: center.Add(time.Millisecond)},
	}
}

func TestAnswersAreWrongByWhatTheyMiss(t *testing.T) {
	for off, wrong := range map[time.Duration]time.Duration{
		0: 0, time.Millisecond: 0, -time.Millisecond: 0,
		5 * time.Millisecond: 4 * time.Millisecond, -7 * time.Millisecond: 6 * time.Millisecond,
	} {
		require.Equal(t, wrong, scripted(time.Second, 1, 0, off).Wrong(), "off by %v", off)
	}
	slow := scripted(time.Second, 1, 0, 5*time.Millisecond)
	slow.After = slow.After.Add(4 * time.Millisecond)
	require.Zero(t, slow.Wrong(), "it was true when the answer came")
	refused := scripted(time.Second, 1, 0, time.Hour)
	refused.Refused = "not synchronized"
	require.Zero(t, refused.Wrong())
}

func TestVerdictCountsWhatIsWrongUntilItIsNoticed(t *testing.T) {
	const ms = time.Millisecond
	answers := []Answer{
		scripted(90*ms, 1, 5, 0),
		scripted(210*ms, 1, 5, -101*ms), // the machine stood still from 100 to 200 ms
		scripted(300*ms, 1, 6, -31*ms),
		scripted(400*ms, 2, 7, 0),
	}
	v, err := judge(answers[0], answers, truetime.Time(100*ms), truetime.Time(200*ms))
	require.NoError(t, err)
	require.Equal(t, 3, v.Answers)
	require.Equal(t, 2, v.Wrong)
	require.Equal(t, 100*ms, v.Worst)
	require.Equal(t, 100*ms, v.WrongFor)
	require.True(t, v.Noticed)
	require.Equal(t, 200*ms, v.NoticedHost)
	require.Zero(t, v.WrongAfter)
	require.Empty(t, v.overdue)
}

func TestVerdictKnowsWhatIsWrongTooLong(t *testing.T) {
	const ms = time.Millisecond
	answers := []Answer{
		scripted(90*ms, 1, 5, 0),
		scripted(210*ms, 1, 5, 0),
		scripted(300*ms, 1, 7, -30*ms),
		scripted(400*ms, 1, 8, -30*ms),
		scripted(500*ms, 2, 9, -30*ms),
	}
	v, err := judge(answers[0], answers, truetime.Time(100*ms), truetime.Time(200*ms))
	require.NoError(t, err)
	require.Equal(t, answers[3:], v.overdue)
	require.Equal(t, 1, v.WrongAfter)
}

func TestVerdictNeedsAnswersOnBothSides(t *testing.T) {
	a := scripted(time.Second, 1, 0, 0)
	_, err := judge(a, []Answer{a}, a.Before.Add(time.Second), a.Before.Add(time.Second))
	require.ErrorContains(t, err, "no answer after")
}

func TestVerdictKnowsWhatIsWrongBeforeAnythingWasDone(t *testing.T) {
	a := scripted(time.Second, 1, 0, 0)
	for _, at := range []time.Duration{time.Second / 2, time.Second, 3 * time.Second / 2} {
		wrong := scripted(at, 1, 0, time.Hour)
		_, err := judge(a, []Answer{a, wrong}, a.Before.Add(time.Second), a.Before.Add(time.Second))
		require.ErrorContains(t, err, "wrong before anything was done", "at %v", at)
	}
}
