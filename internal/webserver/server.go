package webserver

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// Server answers at listeners.
type Server struct {
	http      *http.Server
	listeners []net.Listener
	stop      context.CancelFunc
}

// New makes a server; [Server.Serve] has it answer.
func New(listeners []net.Listener, h http.Handler) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		listeners: listeners,
		stop:      cancel,
		http: &http.Server{
			Handler:           guard(h),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      10 * time.Second, // a stream sets its own for each message
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    8 << 10,
			ErrorLog:          log.New(discard{}, "", 0), // what clients do wrong is no concern of the host's log
			BaseContext: func(l net.Listener) context.Context {
				return context.WithValue(ctx, loopbackKey{}, isLoopback(l.Addr()))
			},
		},
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// URLs are where the server can be found.
func (s *Server) URLs() (all []string) {
	for _, l := range s.listeners {
		all = append(all, fmt.Sprintf("http://%s/", l.Addr()))
	}
	return all
}

// Serve answers until [Server.Close].
func (s *Server) Serve() error {
	ended := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { ended <- s.http.Serve(l) }()
	}
	var failed error
	for range s.listeners {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) && failed == nil {
			failed = err
			_ = s.http.Close()
		}
	}
	return failed
}

// Close ends what is being answered, and closes the listeners.
func (s *Server) Close() error {
	s.stop()
	defer func() { // those that nobody has served
		for _, l := range s.listeners {
			_ = l.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		return s.http.Close()
	}
	return nil
}
