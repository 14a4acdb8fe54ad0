package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestWhatIsServed(t *testing.T) {
	h := Handler(&host{status: ordinary(), past: minutes(3)}, nil)
	for path, want := range map[string]int{
		"/": 200, "/status": 200, "/now": 200, "/history": 200, "/livez": 200,
		"/readyz": 200, "/readyz?within=1h": 200, "/readyz?within=412us": 200, "/readyz?within=411us": 503,
		"/readyz?within=1": 400, "/readyz?within=-1s": 400, "/readyz?within=1h&wait=1s": 400,
		"/fleet": 404, "/metrics": 404, "/recording": 404, "/reload": 404, "/none": 404, "/status/x": 404, "/favicon.ico": 404,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			require.Equal(t, want, ask(h, method, path).Code, "%s %s", method, path)
		}
	}
	for _, path := range []string{"/", "/status", "/reload", "/live"} {
		require.NotEqual(t, http.StatusOK, ask(h, http.MethodPost, path).Code, path)
	}
	for _, path := range []string{"/live", "/events"} {
		require.Equal(t, "text/event-stream", ask(h, http.MethodHead, path).Header().Get("Content-Type"), path)
	}
	silent := Handler(&host{status: silent()}, nil)
	for path, want := range map[string]int{"/now": 503, "/readyz?within=1h": 503, "/livez": 200, "/status": 200} {
		require.Equal(t, want, ask(silent, http.MethodGet, path).Code, path)
	}
	var report api.Report
	require.NoError(t, json.Unmarshal(ask(h, http.MethodGet, "/status").Body.Bytes(), &report))
	require.Len(t, report.Clock.Sources, 5)
}

func TestMetricsAreThoseThatAreGiven(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "epsilon_synchronized 1\n") })
	w := ask(Handler(&host{}, metrics), http.MethodGet, "/metrics")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "epsilon_synchronized 1\n", w.Body.String())
}

// changing answers something else each time that it is read.
type changing struct {
	host
	random *rand.Rand
	shown  []time.Duration // what the readings were, -1 for a refusal
}

func (c *changing) Now() (truetime.Interval, error) {
	if c.random.IntN(4) == 0 {
		c.shown = append(c.shown, -1)
		return truetime.Interval{}, truetime.ErrNotSynchronized
	}
	e := time.Duration(c.random.Int64N(2000))
	c.shown = append(c.shown, e)
	return around(-e, e), nil
}

func (c *changing) Wait(_ context.Context, within time.Duration) api.Readiness {
	return api.ReadinessOf(c, within)
}

// Ready is what a load balancer goes by: it must be true of the very reading that it is said of.
func TestReadyIsNeverSaidOfAnAnswerThatIsTooWide(t *testing.T) {
	seed := rand.Uint64()
	c := &changing{random: rand.New(rand.NewPCG(seed, 1))}
	h := Handler(c, nil)
	ready := 0
	for range 20_000 {
		bound := 1 + time.Duration(c.random.Int64N(2000))
		c.shown = nil
		w := ask(h, http.MethodGet, fmt.Sprintf("/readyz?within=%v", bound))
		last := c.shown[len(c.shown)-1]
		var is api.Readiness
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &is))
		require.Equal(t, w.Code == http.StatusOK, is.Ready, "seed %d", seed)
		require.Equal(t, bound, is.Within)
		require.Equal(t, last >= 0 && last <= bound, is.Ready, "seed %d: readings %v, bound %v", seed, c.shown, bound)
		if is.Ready {
			ready++
			require.Equal(t, last, is.Uncertainty, "seed %d", seed)
		} else {
			require.NotEmpty(t, is.Reason)
		}
	}
	require.Positive(t, ready)
}
