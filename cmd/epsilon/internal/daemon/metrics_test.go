package daemon

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
)

// A clock that refuses because ε is too large is above its budget, or no alert would say so.
func TestTheBudgetIsNoMoreThanWhatTheClockAnswersWith(t *testing.T) {
	for clock, want := range map[string]string{"": "0.1", "[clock]\nmax_uncertainty = \"20ms\"": "0.02", "[clock]\nmax_uncertainty = \"1s\"": "0.1"} {
		c, err := config.Parse("f", fmt.Appendf(nil, "[[source]]\nserver = \"127.0.0.1:9\"\n%s\n", clock))
		require.NoError(t, err)
		d := &Daemon{log: slog.New(slog.DiscardHandler), options: Options{Config: c}}
		d.within.Store(int64(c.ReadyWithin))
		g, err := d.start(c, inUse)
		require.NoError(t, err)
		d.current.Store(g)
		w := httptest.NewRecorder()
		d.metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		require.NoError(t, g.clock.Close())
		require.Contains(t, w.Body.String(), "\nepsilon_uncertainty_budget_seconds "+want+"\n", clock)
	}
}
