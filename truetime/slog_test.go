package truetime

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func logged(value any) string {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})).Info("clock", "it", value)
	return b.String()
}

func TestStatusIsLoggedAsAGroup(t *testing.T) {
	text := logged(fullStatus())
	for _, want := range []string{
		"it.state=holdover", "it.earliest=2026-11-20T08:37:48.123456789Z", "it.uncertainty=1.001µs", `it.err="truetime: uncertainty too large: ε is 3s"`,
		"it.epoch=3", `it.disruption="it was suspended"`, "it.voters=4", "it.heard=3", `it.summary="2 of 4 voters answer`,
		"it.sources.a.verdict=convicted", `it.sources.a.err="a: unusable answer: stratum 16"`, "it.sources.a.uncertainty=1ns", "it.budget=",
	} {
		require.Contains(t, text, want)
	}
	require.Contains(t, logged(Status{}), `it.summary="no clock has reported"`)
	require.NotContains(t, logged(Status{}), "1970")
}

func TestEventIsLoggedAsAGroupOfWhatIsSet(t *testing.T) {
	require.Equal(t, "msg=clock it.kind=state it.epoch=1 it.state=holdover\n", logged(Event{Kind: EventState, Epoch: 1, State: Holdover}))
	require.Equal(t, "msg=clock it.kind=verdict it.epoch=1 it.verdict=silent it.source=a it.err=\"denied service\" it.dropped=2\n",
		logged(Event{Kind: EventVerdict, Epoch: 1, Source: "a", Verdict: Silent, Err: ErrDenied, Dropped: 2}))
	require.Equal(t, "msg=clock it.kind=disruption it.epoch=2 it.reason=\"it was suspended\"\n",
		logged(Event{Kind: EventDisruption, Epoch: 2, Reason: "it was suspended"}))
}

func TestBudgetIsASentence(t *testing.T) {
	b := Budget{Delay: 500_000, Claim: 100_000, Drift: 750_000, EarliestFrom: "a", LatestFrom: "b", EarliestAge: 3_700_000_000, LatestAge: 3_600_000_000}
	require.Equal(t, "ε is 1.35ms: 750µs drift in 3.7s, 500µs round trip, 100µs claimed; Earliest follows from a, Latest from b", b.String())
	require.Equal(t, "no answer", Budget{}.String())
}
