package truetime

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ExampleStatus_String() {
	fmt.Println(Status{
		State:       Synchronized,
		Interval:    Interval{1763628668_100000000, 1763628668_102700000},
		Uncertainty: 1350 * time.Microsecond,
		Budget: Budget{
			Delay: 500 * time.Microsecond, Claim: 100 * time.Microsecond, Drift: 750 * time.Microsecond,
			EarliestFrom: "a", LatestFrom: "b", EarliestAge: 3700 * time.Millisecond, LatestAge: 3699 * time.Millisecond,
		},
		Epoch: 2, Disruption: "the machine was suspended", DisruptionAge: 90 * time.Second,
		LeapSeconds: LeapReport{Status: LeapStatusNone, TableExpiry: 1782604800_000000000, TableSource: "tzdata"},
		Counter:     "CLOCK_MONOTONIC_RAW",
		Voters:      3, Faulty: 1, Heard: 2, Answering: 2,
		Sources: []SourceStatus{
			{
				Name: "a", Verdict: Truechimer, Interval: Interval{1763628668_100000000, 1763628668_103000000},
				Delay: time.Millisecond, Claim: 100 * time.Microsecond, Age: 3700 * time.Millisecond,
			},
			{
				Name: "b", Verdict: Truechimer, Interval: Interval{1763628668_099000000, 1763628668_102700000},
				Delay: 2 * time.Millisecond, Claim: 50 * time.Microsecond, Age: 3699 * time.Millisecond,
			},
			{Name: "c", Verdict: Silent, Err: errors.New("i/o timeout")},
		},
	})
	// Output:
	// synchronized: answering, 2 of 3 voters heard; the last epoch ended because the machine was suspended; c: i/o timeout
	//   interval    [2025-11-20T08:51:08.100000000Z, 2025-11-20T08:51:08.102700000Z]
	//   budget      ε is 1.35ms: 750µs drift in 3.7s, 500µs round trip, 100µs claimed; Earliest follows from a, Latest from b
	//   counter     CLOCK_MONOTONIC_RAW
	//   leap        no leap second near; table of tzdata valid until 2026-06-28
	//   disruption  the machine was suspended, 1m30s ago: this is epoch 2
	//   source      a: truechimer, [2025-11-20T08:51:08.100000000Z, 2025-11-20T08:51:08.103000000Z], delay 1ms, claim 100µs, age 3.7s
	//   source      b: truechimer, [2025-11-20T08:51:08.099000000Z, 2025-11-20T08:51:08.102700000Z], delay 2ms, claim 50µs, age 3.699s
	//   source      c: silent, no interval, error: i/o timeout
}

// What is not set is said to be missing, and not shown as a value.
func TestStatusOfNothingIsHonestText(t *testing.T) {
	require.Equal(t, strings.Join([]string{
		"unsynchronized: no clock has reported",
		"  interval    no interval",
		"  budget      no answer",
		"  counter     not known",
		"  leap        nothing is known",
		"  disruption  none",
		"  source      none",
	}, "\n"), Status{}.String())
	require.Equal(t, "(no name): undecided, no interval", SourceStatus{}.String())
	text := (*Clock)(nil).Status().String()
	require.Contains(t, text, "closed\n")
	require.Contains(t, text, "was not made by New")
	require.NotContains(t, text, "1970")
}

// A source's error may have several lines, and the report has one line for each source all the same.
func TestStatusHasOneLineForEachSource(t *testing.T) {
	s := Status{State: Unsynchronized, Epoch: 1, Voters: 1, Sources: []SourceStatus{
		{Name: "a", Group: "g", NoVote: true, SameAs: []string{"b", "c"}, Verdict: Unusable, Err: errors.New("two\nlines")},
	}}
	require.Contains(t, s.String(), "\n  source      a of group g: unusable, no interval, no vote, may be the same machine as b, c, error: two; lines")
	require.Equal(t, 6, strings.Count(s.String(), "\n"))
}

// With f = 0 one wrong source makes the answer wrong, and nothing else in a report of a healthy clock
// would tell.
func TestSummarySaysWhenNoVoterMayBeWrong(t *testing.T) {
	healthy := Status{State: Synchronized, Epoch: 1, Voters: 2, Heard: 2, Answering: 2}
	require.Equal(t, "none of 2 voters may be wrong", healthy.Summary())
	half := healthy
	half.Heard = 1
	require.Equal(t, "answering, 1 of 2 voters heard; none of 2 voters may be wrong", half.Summary())
	one := Status{State: Synchronized, Epoch: 1, Voters: 1, Heard: 1}
	require.Equal(t, "the only voter must not be wrong", one.Summary())
	three := Status{State: Synchronized, Epoch: 1, Voters: 3, Faulty: 1, Heard: 3}
	require.Empty(t, three.Summary())
	faulty := healthy
	faulty.State = ClockFaulty
	require.Equal(t, "the local counter runs outside its drift, or more than 0 of 2 voters are wrong", faulty.Summary())
}
