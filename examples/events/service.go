package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/truetime"
)

// event is something that has happened at a service.
type event struct {
	Stamp   hlc.Timestamp
	Service string
	Text    string
}

// service writes events down, and tells the next service of them.
type service struct {
	name   string
	clock  *hlc.Clock
	client *http.Client
	next   string // URL of who is told, or empty

	mu     sync.Mutex
	events []event
}

// newService makes a service whose timestamps go on after those that were stamped with the same store before.
func newService(ctx context.Context, name string, clock truetime.Reader, store hlc.Store) (*service, error) {
	stamps, err := hlc.Open(ctx, clock, store)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// Each request takes a timestamp along, and that of the response is merged.
	client := &http.Client{Transport: hlchttp.Transport(stamps, http.DefaultTransport.(*http.Transport).Clone())}
	return &service{name: name, clock: stamps, client: client}, nil
}

// close ends the service. The next one with its store can begin at once.
func (s *service) close() error {
	s.client.CloseIdleConnections()
	return s.clock.Close()
}

// handler merges the timestamp of each request before it is handled, or refuses the request.
func (s *service) handler() http.Handler {
	return hlchttp.Handler(s.clock, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.happens(r.Context(), string(text)); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
}

// happens writes an event down and tells the next service, whose events about it have greater timestamps.
func (s *service) happens(ctx context.Context, text string) error {
	stamp, err := s.clock.Now()
	if err != nil {
		return fmt.Errorf("%s: %q has not happened: %w", s.name, text, err)
	}
	s.mu.Lock()
	s.events = append(s.events, event{stamp, s.name, text})
	s.mu.Unlock()
	if s.next == "" {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.next, strings.NewReader(text))
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err // it may have arrived: tell it again, as always with HTTP
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnprocessableEntity: // of two clocks one is wrong by more than it says: call somebody
		return fmt.Errorf("%s refuses %q: %w", s.next, text, hlc.ErrFromFuture)
	default: // 503: its clock has no timestamp at the moment, try again later
		return fmt.Errorf("%s refuses %q: %s", s.next, text, response.Status)
	}
}
