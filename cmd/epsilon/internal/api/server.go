package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Host is the daemon as the API needs it. All methods are safe for use by many goroutines.
type Host interface {
	Report() Report
	Reading() Reading
	History() History

	// Wait waits until ε is at most within or ctx ends, and then says how it is.
	Wait(ctx context.Context, within time.Duration) Readiness

	// ReadyWithin is what the daemon itself takes for ready.
	ReadyWithin() time.Duration

	// Subscribe returns a channel of the events from now on. It is closed when the subscriber has fallen
	// too far behind, and by cancel.
	Subscribe() (events <-chan truetime.Event, cancel func())

	// WriteRecording writes the journal of the clock's last minutes. An error says that it is not complete.
	WriteRecording(w io.Writer) error

	// Reload has the configuration read again, and returns what of it takes a restart, or what is wrong with it.
	Reload() (Reloaded, error)
}

const maxWait = 60 * time.Second

// Server answers requests at a socket.
type Server struct {
	host Host
	http *http.Server
	stop context.CancelFunc

	// A recording may be 64 MB, so one is written at a time: one to whoever may change the daemon, and one to
	// all others, who cannot keep the first from getting theirs.
	ownRecording, recording chan struct{}
	turn, read              time.Duration // how long one waits for its turn, and how long it may take to read it
}

type peerKey struct{}

// NewServer makes a server; [Server.Serve] has it answer.
func NewServer(host Host) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{host: host, stop: cancel, ownRecording: make(chan struct{}, 1), recording: make(chan struct{}, 1),
		turn: 5 * time.Second, read: 30 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, host.Report()) })
	mux.HandleFunc("GET /now", s.now)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, host.History()) })
	mux.HandleFunc("GET /recording", s.record)
	mux.HandleFunc("POST /reload", s.reload)
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, c)
		},
	}
	return s
}

// Serve answers until [Server.Close].
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends what is being answered, and closes the listener.
func (s *Server) Close() error {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		return s.http.Close()
	}
	return nil
}

// reply writes an object on one line.
func reply(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a client that has gone is no concern of a server
}

func (s *Server) now(w http.ResponseWriter, _ *http.Request) {
	r := s.host.Reading()
	status := http.StatusOK
	if r.Err != "" {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, r)
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	within, wait := s.host.ReadyWithin(), time.Duration(0)
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
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, maxWait))
	defer cancel()
	is := s.host.Wait(ctx, within)
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
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	events, cancel := s.host.Subscribe()
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
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
			object, err := json.Marshal(e)
			if err != nil || !send("event: %s\ndata: %s\n\n", e.Kind, object) {
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

// record writes as fast as the client reads. One that is not complete is cut off, so that the client can tell.
func (s *Server) record(w http.ResponseWriter, r *http.Request) {
	turn := s.recording
	if mayChange(r.Context()) {
		turn = s.ownRecording
	}
	waiting, cancel := context.WithTimeout(r.Context(), s.turn)
	defer cancel()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-waiting.Done():
		reply(w, http.StatusServiceUnavailable, Problem{"others are reading one: try again"})
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(s.read))
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if s.host.WriteRecording(w) != nil || control.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if !mayChange(r.Context()) {
		reply(w, http.StatusForbidden, Problem{"only root and the user whom the daemon runs as may have it read its configuration"})
		return
	}
	reloaded, err := s.host.Reload()
	if err != nil {
		reply(w, http.StatusConflict, Problem{err.Error()})
		return
	}
	reply(w, http.StatusOK, reloaded)
}

// mayChange reports whether whoever asks is root or runs the daemon.
func mayChange(ctx context.Context) bool {
	c, ok := ctx.Value(peerKey{}).(*connection)
	return ok && c.known && (c.peer == 0 || int(c.peer) == os.Geteuid())
}
