package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxWait is how long /readyz waits at most for whoever asks at the socket.
const maxWait = 60 * time.Second

// reader answers what everybody may ask.
type reader struct {
	host    Readable
	maxWait time.Duration
}

// NewReader returns what answers GET /status, /now, /events, /readyz, /history and /fleet. /readyz waits no longer than maxWait: 0 for
// not at all, and then asking it to is a mistake.
func NewReader(host Readable, maxWait time.Duration) *http.ServeMux {
	h := reader{host, maxWait}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, host.Report()) })
	mux.HandleFunc("GET /now", h.now)
	mux.HandleFunc("GET /events", h.events)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, host.Seconds(0)) })
	mux.HandleFunc("GET /fleet", h.fleet)
	return mux
}

// reply writes an object on one line.
func reply(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a client that has gone is no concern of a server
}

func (h reader) now(w http.ResponseWriter, _ *http.Request) {
	r := h.host.Reading()
	status := http.StatusOK
	if r.Err != "" {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, r)
}

func (h reader) ready(w http.ResponseWriter, r *http.Request) {
	within, wait := h.host.ReadyWithin(), time.Duration(0)
	for name, into := range map[string]*time.Duration{"within": &within, "wait": &wait} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			reply(w, http.StatusBadRequest, Problem{fmt.Sprintf("%s=%.40q: it must be a duration above 0, as in 1ms", name, text)})
			return
		}
		*into = d
	}
	if wait > 0 && h.maxWait == 0 {
		reply(w, http.StatusBadRequest, Problem{"wait is for the socket of the daemon: ask again instead"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, h.maxWait))
	defer cancel()
	is := h.host.Wait(ctx, within)
	status := http.StatusOK
	if !is.Ready {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, is)
}

// keepAlive is how often a stream without events says that it is still there.
const keepAlive = 15 * time.Second

// fallenBehind ends a stream whose reader has missed events.
const fallenBehind = ": events were missed"

// events streams what happens: https://html.spec.whatwg.org/multipage/server-sent-events.html.
func (h reader) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	_, events, cancel := h.host.Subscribe()
	defer cancel()
	control := http.NewResponseController(w)
	send := func(format string, values ...any) bool {
		_ = control.SetWriteDeadline(time.Now().Add(keepAlive))
		_, err := fmt.Fprintf(w, format, values...)
		return err == nil && control.Flush() == nil
	}
	if !send(": every event from now on\n\n") {
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				send("%s\n\n", fallenBehind)
				return
			}
			object, err := json.Marshal(e.Event)
			if err != nil || !send("event: %s\ndata: %s\n\n", e.Event.Kind, object) {
				return
			}
		case <-alive.C:
			if !send(": still here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
