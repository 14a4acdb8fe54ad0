// Package web is what the daemon serves over TCP to people, probes and Prometheus, read only:
//
//	GET /                      the status page, and GET /live, the stream that it shows
//	GET /status, /now, /history, /events, /fleet   as at the socket: see package api
//	GET /readyz?within=1ms     200 only if ε is at most that, or what the daemon takes for ready; it does not wait
//	GET /livez                 200
//	GET /metrics               for Prometheus
//
// Nothing can be changed here, and no recording be read: those are for the socket, where the kernel says who asks.
package web

import (
	"io"
	"net/http"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/statuspage"
)

// Host is the daemon as its web server needs it.
type Host interface {
	api.Readable
	statuspage.Host
}

// Handler answers for a daemon. Metrics may be nil: then there are none.
func Handler(host Host, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	page, read := statuspage.Handler(host), api.NewReader(host, 0)
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /live", page)
	for _, path := range []string{"/status", "/now", "/history", "/readyz", "/fleet"} {
		mux.Handle("GET "+path, read)
	}
	mux.Handle("GET /events", bounded(read))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}

// maxStreams is how many may read events at once.
const maxStreams = 32

// bounded refuses what is more than maxStreams at once.
func bounded(h http.Handler) http.Handler {
	streams := make(chan struct{}, maxStreams)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case streams <- struct{}{}:
			defer func() { <-streams }()
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many read events already: close one of the streams", http.StatusServiceUnavailable)
		}
	})
}
