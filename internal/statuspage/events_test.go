package statuspage

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func event(i int) truetime.Event { return truetime.Event{Source: fmt.Sprint(i)} }

func TestTheLastEventsAreKeptAndEachIsHandedOnOnce(t *testing.T) {
	var h Events
	for i := range maxRecent + 5 {
		h.Publish(event(i))
	}
	recent, events, cancel := h.Subscribe()
	require.Len(t, recent, maxRecent)
	require.Equal(t, "5", recent[0].Event.Source)
	h.Publish(event(-1))
	require.Equal(t, "-1", (<-events).Event.Source)
	cancel()
	_, open := <-events
	require.False(t, open)
	cancel()
	h.Publish(event(-2)) // to nobody
}

func TestWhoFallsTooFarBehindIsDropped(t *testing.T) {
	var h Events
	_, slow, cancelSlow := h.Subscribe()
	defer cancelSlow()
	for i := range maxBehind + 1 {
		h.Publish(event(i))
	}
	for i := range maxBehind {
		require.Equal(t, fmt.Sprint(i), (<-slow).Event.Source)
	}
	_, open := <-slow
	require.False(t, open)
}

// A server that is away fails a poll every few seconds, for days.
func TestPollsThatFailPushNothingOut(t *testing.T) {
	var h Events
	_, events, cancel := h.Subscribe()
	defer cancel()
	h.Publish(truetime.Event{Kind: truetime.EventDisruption, Reason: "suspended"})
	failed := truetime.Event{Kind: truetime.EventPollFailed, Source: "away"}
	for range maxRecent {
		h.Publish(failed)
	}
	<-events
	require.Equal(t, failed, (<-events).Event, "who looks on is told")
	recent, _, cancelLate := h.Subscribe()
	defer cancelLate()
	require.Len(t, recent, 1)
	require.Equal(t, "suspended", recent[0].Event.Reason)
}
