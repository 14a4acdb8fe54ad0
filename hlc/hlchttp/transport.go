package hlchttp

import (
	"fmt"
	"net/http"

	"github.com/epsilontime/epsilon/internal/unset"
)

// Transport puts a timestamp of clock into each request and merges the one of the response before
// the caller sees it. Requests go through next, or through http.DefaultTransport if that is nil.
//
// If clock has no timestamp the request is not sent. If that of the response cannot be merged,
// because it is malformed or from the future, or the clock has had none to give since, for one of the
// reasons of [hlc.Clock.Update], the error names the host, and there is no response:
// to use it unmerged would be to lose the order of events. The server may have done what was asked,
// as with a connection that breaks before the response. A response without a timestamp is passed
// on.
//
// A client that has no clock gives a [Relay]. Transport panics if clock is nil.
func Transport(clock Clock, next http.RoundTripper) http.RoundTripper {
	if unset.Nil(clock) {
		panic("hlchttp: Transport needs a clock, and it is nil: give a Relay where there is none")
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{clock: clock, next: next}
}

type transport struct {
	clock Clock
	next  http.RoundTripper
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := t.clock.Now()
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // as RoundTripper must, also on errors
		}
		return nil, fmt.Errorf("hlchttp: no timestamp for a request to %q: %w", r.URL.Host, err)
	}
	stamped := r.Clone(r.Context()) // a RoundTripper must not change the request
	if stamped.Header == nil {
		stamped.Header = http.Header{}
	}
	if sent.Valid() {
		stamped.Header.Set(Header, sent.String())
	} else {
		stamped.Header.Del(Header) // one that was copied from elsewhere says nothing about this clock
	}
	response, err := t.next.RoundTrip(stamped)
	if err != nil {
		return nil, err
	}
	if err := t.receive(response, r.URL.Host); err != nil {
		response.Body.Close()
		return nil, err
	}
	return response, nil
}

// CloseIdleConnections is for http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

func (t *transport) receive(response *http.Response, from string) error {
	remote, found, err := carried(response.Header, from)
	if err != nil || !found {
		return err
	}
	if _, err := t.clock.Update(remote, from); err != nil {
		return fmt.Errorf("hlchttp: response of %q with status %d, whose timestamp was not merged: %w",
			from, response.StatusCode, err)
	}
	return nil
}
