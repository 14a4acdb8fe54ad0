package inwords

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

const now = truetime.Time(1_800_000_000_000_000_000)

func between(from, to time.Duration) truetime.Interval {
	return truetime.Interval{Earliest: now.Add(from), Latest: now.Add(to)}
}

func TestReasonOfEachVerdict(t *testing.T) {
	s := truetime.Status{Interval: between(-100, 100)}
	for _, c := range []struct {
		source truetime.SourceStatus
		want   string
	}{
		{truetime.SourceStatus{Verdict: truetime.Truechimer}, ""},
		{truetime.SourceStatus{Verdict: truetime.Falseticker, Interval: between(5100, 5200)},
			"It lies, or more than f others do: its interval excludes what the others agree on, and is 5.00 µs ahead of it."},
		{truetime.SourceStatus{Verdict: truetime.Falseticker, Interval: between(-5200, -5100), Err: errors.New("serves another scale?")},
			"It lies, or more than f others do: its interval excludes what the others agree on, and is 5.00 µs behind it: serves another scale?."},
		{truetime.SourceStatus{Verdict: truetime.Falseticker}, "It lies, or more than f others do: its interval excludes what the others agree on."},
		{truetime.SourceStatus{Verdict: truetime.Silent, Err: errors.New("i/o timeout")}, "None of its last three polls was answered: i/o timeout."},
		{truetime.SourceStatus{Verdict: truetime.Unusable, Err: errors.New("x.")}, "It answers, and what it says cannot be used: x."},
		{truetime.SourceStatus{Verdict: truetime.Truechimer, NoVote: true, HeldBack: true}, "It has no vote, as it is not authenticated. It has asked for fewer polls."},
		{truetime.SourceStatus{Verdict: truetime.Truechimer, SameAs: []string{"a", "b"}}, "It may be the same machine as a, b: together they count once."},
	} {
		require.Equal(t, c.want, Reason(s, c.source))
	}
	for v := truetime.Undecided; v <= truetime.Unusable; v++ {
		text := Reason(s, truetime.SourceStatus{Verdict: v})
		require.Equal(t, v == truetime.Truechimer, text == "", "every verdict but the good one is explained: %v", v)
	}
}

func TestAnswerSaysWhetherItIsGoodEnough(t *testing.T) {
	s := truetime.Status{State: truetime.Synchronized, Uncertainty: time.Millisecond}
	require.Equal(t, "True time is within ε of the middle of the interval. Ready: ε is at most 1.00 ms.", Answer(s, time.Millisecond))
	require.Equal(t, "True time is within ε of the middle of the interval. Not ready: ε is above 999 µs.", Answer(s, 999*time.Microsecond))
	require.Equal(t, "True time is within ε of the middle of the interval.", Answer(s, 0))
	s.State = truetime.Holdover
	require.Contains(t, Answer(s, 0), "the interval still contains true time.")
	s.Err = truetime.ErrNotSynchronized
	require.Equal(t, "There is no answer: not synchronized.", Answer(s, time.Second))
}

func TestTextsOfOthersAreCut(t *testing.T) {
	long := errors.New(strings.Repeat("é", 10*longest))
	text := Reason(truetime.Status{}, truetime.SourceStatus{Verdict: truetime.Unusable, Err: long})
	require.True(t, strings.HasSuffix(text, "é…"), text)
	require.Less(t, len([]rune(text)), longest+100)
	require.Len(t, []rune(Event(truetime.Event{Kind: truetime.EventPollFailed, Err: long})), longest+1)
}

func TestEveryPartIsExplained(t *testing.T) {
	b := truetime.Budget{Delay: 1, Claim: 2, Drift: 3, Leap: 4, Pause: 4, Disagreement: 5, EarliestFrom: "a", LatestFrom: "b"}
	var names []string
	for _, p := range AllParts(b) {
		names = append(names, p.Name)
		require.NotEmpty(t, p.Explanation(b, 200), p.Name)
		require.NotEmpty(t, Part{p.Name, 0}.Explanation(truetime.Budget{}, 0), p.Name)
	}
	require.Equal(t, []string{"delay", "claim", "drift", "leap", "pause", "disagreement"}, names)
	require.Equal(t, []Part{{"disagreement", 5}, {"leap", 4}, {"pause", 4}, {"drift", 3}, {"claim", 2}, {"delay", 1}}, Parts(b))
	require.Contains(t, AllParts(b)[5].Explanation(b, 200), "a and b disagree")
	require.Empty(t, Parts(truetime.Budget{}))
	require.Empty(t, Ends(truetime.Budget{}))
}
