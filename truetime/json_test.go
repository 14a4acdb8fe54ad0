package truetime

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fullStatus is a report in which every field is set.
func fullStatus() Status {
	at := FromStd(time.Date(2026, 11, 20, 8, 37, 48, 123456789, time.UTC))
	return Status{
		State: Holdover, Err: fmt.Errorf("%w: ε is 3s", ErrUncertaintyTooLarge),
		Interval: Interval{at, at + 2001}, Uncertainty: 1001,
		Budget: Budget{Delay: 1, Claim: 2, Drift: 3, Leap: 4, Disagreement: 5, EarliestFrom: "a", LatestFrom: "b", EarliestAge: 6, LatestAge: 7},
		Epoch:  3, Disruption: "it was suspended", DisruptionAge: time.Hour,
		RateLowPPM: -1.5, RateHighPPM: 2.25,
		LeapSeconds: LeapReport{LeapStatusUnknown, at, at, true, "a file", "it is damaged"},
		Counter:     "TSC", Voters: 4, Faulty: 1, Heard: 3, Answering: 2,
		Sources: []SourceStatus{{
			Name: "a", Group: "g", Authenticated: true, NoVote: true, SameAs: []string{"b"}, Scale: ScaleTAI, Verdict: Convicted,
			Err: fmt.Errorf("a: %w: stratum 16", ErrUnusable), Interval: Interval{at, at + 1}, Delay: 1, Claim: 2, Stratum: 3,
			Leap: LeapDelete, Stamps: "kernel", Age: 4, Reach: 5, Poll: 6, HeldBack: true,
		}},
	}
}

func TestStatusRoundTripsThroughJSON(t *testing.T) {
	for _, want := range []Status{{}, {Sources: []SourceStatus{{}}}, fullStatus()} {
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got Status
		require.NoError(t, json.Unmarshal(text, &got))
		again, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(again))
		if want.Err == nil {
			require.Equal(t, want, got)
			continue
		}
		require.ErrorIs(t, got.Err, ErrUncertaintyTooLarge)
		require.NotErrorIs(t, got.Err, ErrNotSynchronized)
		require.EqualError(t, got.Err, want.Err.Error())
		require.ErrorIs(t, got.Sources[0].Err, ErrUnusable)
		require.EqualError(t, got.Sources[0].Err, want.Sources[0].Err.Error())
		got.Err, got.Sources[0].Err = want.Err, want.Sources[0].Err
		require.Equal(t, want, got)
	}
}

func TestStatusInJSONIsTextThatAProgramReads(t *testing.T) {
	text, err := json.Marshal(fullStatus())
	require.NoError(t, err)
	for _, want := range []string{
		`"State":"holdover"`, `"Err":"truetime: uncertainty too large: ε is 3s"`, `"Verdict":"convicted"`, `"Scale":"TAI"`, `"Leap":"delete"`,
		`"Interval":"2026-11-20T08:37:48.123456789Z/2026-11-20T08:37:48.123458790Z"`, `"Err":"a: unusable answer: stratum 16"`, `"Status":"unknown"`,
	} {
		require.Contains(t, string(text), want)
	}
	text, err = json.Marshal(Status{})
	require.NoError(t, err)
	require.NotContains(t, string(text), "1970")
	require.NotContains(t, string(text), `"Err"`)
}

func TestEventRoundTripsThroughJSON(t *testing.T) {
	for text, want := range map[string]Event{
		`{"Kind":"state","Epoch":1,"State":"unsynchronized"}`:                              {Kind: EventState, Epoch: 1},
		`{"Kind":"verdict","Epoch":2,"Source":"a","Verdict":"undecided"}`:                  {Kind: EventVerdict, Epoch: 2, Source: "a"},
		`{"Kind":"poll failed","Epoch":2,"Source":"a","Err":"denied service","Dropped":3}`: {Kind: EventPollFailed, Epoch: 2, Source: "a", Err: ErrDenied, Dropped: 3},
		`{"Kind":"disruption","Epoch":3,"Reason":"it was suspended"}`:                      {Kind: EventDisruption, Epoch: 3, Reason: "it was suspended"},
	} {
		written, err := json.Marshal(want)
		require.NoError(t, err)
		require.JSONEq(t, text, string(written))
		var got Event
		require.NoError(t, json.Unmarshal(written, &got))
		require.Equal(t, want.Err == nil, got.Err == nil)
		require.ErrorIs(t, got.Err, want.Err)
		got.Err = want.Err
		require.Equal(t, want, got)
	}
}

func TestFailedReadingOfAStatusChangesNothing(t *testing.T) {
	kept := Status{Epoch: 7, Err: ErrClosed}
	for _, text := range []string{`[]`, `{"State":"asleep"}`, `{"Err":1}`, `{"Sources":[{"Verdict":"guilty"}]}`, `{"Interval":"a/b"}`} {
		require.Error(t, json.Unmarshal([]byte(text), &kept), text)
		require.Equal(t, Status{Epoch: 7, Err: ErrClosed}, kept)
	}
}

func TestEnumerationsAreText(t *testing.T) {
	enumerationIsText(t, Closed)
	enumerationIsText(t, Unusable)
	enumerationIsText(t, EventLeapSeconds)
	enumerationIsText(t, LeapDelete)
	enumerationIsText(t, ScaleTAI)
	enumerationIsText(t, LeapStatusSmearedBySources)
}

// enumerationIsText requires that values up to the last one, and numbers without a name, round
// trip.
func enumerationIsText[E interface {
	~uint8
	fmt.Stringer
}](t *testing.T, last E) {
	for value := range last + 1 {
		text, err := json.Marshal(map[E]E{value: value})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("{%q:%q}", value.String(), value.String()), string(text))
		var got map[E]E
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, map[E]E{value: value}, got)
	}
	var later E
	require.NoError(t, json.Unmarshal([]byte(`"200"`), &later))
	require.Equal(t, E(200), later)
	require.Equal(t, "200", later.String())
	for _, wrong := range []string{`"nonsense"`, `"256"`, `"-1"`, `""`, `1`} {
		require.Error(t, json.Unmarshal([]byte(wrong), &later), wrong)
	}
}

// Whatever state a clock is in, its report can be sent to another machine.
func TestLiveStatusRoundTripsThroughJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(4)
		sources[3].fail = errors.New("cable cut")
		c := start(t, asSources(sources))
		for range 3 {
			s := c.Status()
			text, err := json.Marshal(s)
			require.NoError(t, err)
			var got Status
			require.NoError(t, json.Unmarshal(text, &got))
			require.Equal(t, s.Summary(), got.Summary())
			require.ErrorIs(t, got.Err, s.Err)
			require.Equal(t, s.Budget, got.Budget)
			pass(time.Minute)
		}
	})
}

func FuzzStatusJSON(f *testing.F) {
	text, err := json.Marshal(fullStatus())
	require.NoError(f, err)
	f.Add(string(text))
	f.Add(`{}`)
	f.Add(`{"Err":"truetime: clock closed","Sources":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var first, again Status
		if json.Unmarshal([]byte(text), &first) != nil {
			return
		}
		_ = first.Summary()
		_ = first.Budget.String()
		out, err := json.Marshal(first)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(out, &again))
		repeated, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(out), string(repeated))
	})
}
