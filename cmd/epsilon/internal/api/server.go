package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/epsilontime/epsilon/internal/statuspage"
)

// Readable is what everybody may read of a daemon. All methods are safe for use by many goroutines.
type Readable interface {
	Report() Report
	Reading() Reading

	// Seconds returns how the clock was in each second since there were so many of them: 0 for all that are kept.
	Seconds(since int) History

	// Subscribe returns the last events, and a channel of those from now on. It is closed when the subscriber has fallen
	// too far behind, and by cancel.
	Subscribe() (recent []statuspage.Event, events <-chan statuspage.Event, cancel func())

	// Wait waits until ε is at most within or ctx ends, and then says how it is.
	Wait(ctx context.Context, within time.Duration) Readiness

	// ReadyWithin is what the daemon itself takes for ready.
	ReadyWithin() time.Duration

	// Fleet returns what is known of the fleet, nil if the daemon is in none.
	Fleet() *Fleet
}

// Host is the daemon as the API needs it.
type Host interface {
	Readable

	// WriteRecording writes the journal of the clock's last minutes. An error says that it is not complete.
	WriteRecording(w io.Writer) error

	// Reload has the configuration read again, and returns what of it takes a restart, or what is wrong with it.
	Reload() (Reloaded, error)
}

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
	mux := NewReader(host, maxWait)
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
