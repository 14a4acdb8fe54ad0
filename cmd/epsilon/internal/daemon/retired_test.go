package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

const knownPeak = 50 * time.Millisecond // of the first clock, at least; those after it have a better source

// A reload misses no peak of the clock that it replaces, and counts none of the time in which the new one had no answer
// yet, as the old one was there.
func TestAPeakIsThatOfWhicheverClockAnswered(t *testing.T) {
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: knownPeak})
	require.NoError(t, err)
	defer s.Close()
	c, err := config.Parse("f", fmt.Appendf(nil, "[[source]]\nserver = %q\nlocal_reference = true\n", s.Address()))
	require.NoError(t, err)
	d := &Daemon{log: slog.New(slog.DiscardHandler), supervisor: &supervisor{}, switched: make(chan struct{}), started: time.Now(),
		options: Options{Config: c, Level: new(slog.LevelVar)}}
	answering := func(within time.Duration) *generation { // however late the first reply is
		g, err := d.start(c, newConfiguration)
		require.NoError(t, err)
		t.Cleanup(func() { _ = g.clock.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		require.NoError(t, g.clock.WaitSynchronized(ctx, within))
		return g
	}
	first := answering(time.Minute)
	d.current.Store(first)
	since := time.Now()
	_, bounded := d.Peak(time.Minute)
	require.False(t, bounded, "it had no answer at first")

	s.Set(ntptest.Behavior{})
	for range 3 {
		next := answering(knownPeak / 2)
		before := d.current.Load()
		d.mu.Lock()
		d.useLocked(next)
		d.mu.Unlock()
		require.NoError(t, before.clock.Close())
	}
	own, bounded := d.current.Load().clock.Peak(time.Since(since))
	require.False(t, bounded, "the newest had none at its start: %v", own)
	peak, bounded := d.Peak(time.Since(since))
	require.True(t, bounded, "there was an answer all the time")
	i, err := d.Now()
	require.NoError(t, err)
	require.Less(t, i.Uncertainty(), knownPeak)
	require.GreaterOrEqual(t, peak, knownPeak, "of a clock that is closed by now")
	_, bounded = d.Peak(time.Since(d.started))
	require.False(t, bounded, "the first had none at its start")

	w := httptest.NewRecorder()
	d.metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	for _, line := range []string{"epsilon_uncertainty_peak_seconds +Inf", "epsilon_uncertainty_budget_seconds 0.1", "epsilon_daemon_ready 1"} {
		require.True(t, strings.Contains(w.Body.String(), "\n"+line+"\n"), line)
	}
	require.Len(t, d.retired, 3)
	d.retired[0].until = time.Now().Add(-2 * remembered)
	d.mu.Lock()
	d.retireLocked(first.clock)
	d.mu.Unlock()
	require.Len(t, d.retired, 3, "what is too old is let go of")
}
