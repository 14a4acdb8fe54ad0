package truetimehttp_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimehttp"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func get(h http.Handler, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReadyIsAStatementAboutTheBound(t *testing.T) {
	const max = 5 * time.Millisecond
	random := rand.New(rand.NewPCG(1, 2))
	clock := truetimetest.NewManual(truetime.FromStd(time.Now()), 0)
	ready := truetimehttp.Ready(clock, max)
	for range 2000 {
		now := truetime.FromStd(time.Now())
		epsilon := time.Duration(random.Int64N(int64(2 * max)))
		clock.Set(truetime.Interval{Earliest: now.Add(-epsilon), Latest: now.Add(epsilon)})
		refuses := random.IntN(4) == 0
		if refuses {
			clock.Refuse(truetime.ErrClockFaulty)
		}
		w := get(ready, "")
		require.Equal(t, !refuses && epsilon <= max, w.Code == http.StatusOK, "ε is %v, refuses: %t", epsilon, refuses)
		if refuses {
			require.Contains(t, w.Body.String(), truetime.ErrClockFaulty.Error())
		}
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

type reporter struct{}

func (reporter) Status() truetime.Status {
	return truetime.Status{State: truetime.Holdover, Err: truetime.ErrNotSynchronized, Epoch: 7}
}

func TestDebugShowsTheReportToPeopleAndPrograms(t *testing.T) {
	w := get(truetimehttp.Debug(reporter{}), "text/html,application/json;q=0.9")
	require.Equal(t, reporter{}.Status().String()+"\n", w.Body.String())
	var read truetime.Status
	require.NoError(t, json.Unmarshal(get(truetimehttp.Debug(reporter{}), "application/json").Body.Bytes(), &read))
	require.Equal(t, truetime.Holdover, read.State)
	require.ErrorIs(t, read.Err, truetime.ErrNotSynchronized)
	require.NoError(t, json.Unmarshal([]byte(truetimehttp.Var(reporter{}).String()), &read))
	require.EqualValues(t, 7, read.Epoch)
}

func TestMistakesOfTheProgramPanic(t *testing.T) {
	require.Panics(t, func() { truetimehttp.Ready(nil, time.Second) })
	require.Panics(t, func() { truetimehttp.Ready(truetimetest.NewManual(0, 0), 0) })
	require.Panics(t, func() { truetimehttp.Debug(nil) })
	require.Panics(t, func() { truetimehttp.Var(nil) })
}

func ExampleReady() {
	clock := truetimetest.NewManual(truetime.FromStd(time.Now()), 2*time.Millisecond)
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", truetimehttp.Ready(clock, 5*time.Millisecond))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 ε is 2ms, at most 5ms
}
