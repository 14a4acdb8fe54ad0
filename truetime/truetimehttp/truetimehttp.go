// Package truetimehttp shows a clock of this process to probes and to people who look after it.
//
//	mux.Handle("GET /readyz", truetimehttp.Ready(clock, 5*time.Millisecond))
//	mux.Handle("GET /debug/clock", truetimehttp.Debug(clock))
//	expvar.Publish("clock", truetimehttp.Var(clock))
//
// None of it changes anything, and none of it asks who asks: what Debug shows names the servers that the clock polls, so serve it
// where its readers are known.
package truetimehttp

import (
	"encoding/json"
	"expvar"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Ready answers 200 while the clock's uncertainty ε is at most max, and 503 with the reason in words otherwise: a program that
// relies on ε is not ready for requests then. It panics if max is not above 0 or clock is nil.
func Ready(clock truetime.Reader, max time.Duration) http.Handler {
	if clock == nil || max <= 0 {
		panic(fmt.Sprintf("truetimehttp: ready with a clock %v and an uncertainty of at most %v: there must be a clock, and the limit be above 0", clock, max))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header(w, "text/plain; charset=utf-8")
		now, err := clock.Now()
		switch epsilon := now.Uncertainty(); {
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
		case !now.Valid() || epsilon > max:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "ε is %v, and is to be at most %v\n", epsilon, max)
		default:
			fmt.Fprintf(w, "ε is %v, at most %v\n", epsilon, max)
		}
	})
}

// Reporter is a clock that reports on itself: a [truetime.Clock].
type Reporter interface{ Status() truetime.Status }

// Debug shows the clock's report: as text for people, and as JSON to who accepts that and no text.
func Debug(clock Reporter) http.Handler {
	if clock == nil {
		panic("truetimehttp: debug without a clock")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); strings.Contains(accept, "json") && !strings.Contains(accept, "text/") {
			header(w, "application/json")
			_ = json.NewEncoder(w).Encode(clock.Status()) // a client that has gone is no concern of ours
			return
		}
		header(w, "text/plain; charset=utf-8")
		fmt.Fprintln(w, clock.Status())
	})
}

// Var is the clock's report as a variable for package expvar.
func Var(clock Reporter) expvar.Var {
	if clock == nil {
		panic("truetimehttp: a variable without a clock")
	}
	return expvar.Func(func() any { return clock.Status() })
}

func header(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store") // it is of this moment
	w.Header().Set("X-Content-Type-Options", "nosniff")
}
