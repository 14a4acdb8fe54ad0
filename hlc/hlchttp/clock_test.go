package hlchttp_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
)

var _ hlchttp.Clock = (*hlc.Clock)(nil)

// counting is a clock that is not an hlc.Clock: somebody's own, or one that counts for a metric.
type counting struct {
	*hlc.Clock
	refuse  error
	updates []string
}

func (c *counting) Update(remote hlc.Timestamp, from string) (hlc.Timestamp, error) {
	c.updates = append(c.updates, from)
	if c.refuse != nil {
		return 0, c.refuse
	}
	return c.Clock.Update(remote, from)
}

func TestAnyClockThatMergesWillDo(t *testing.T) {
	clock := &counting{Clock: newClock(t, &fixed{at: start})}
	url := serve(t, hlchttp.Handler(clock, http.NotFoundHandler(), hlchttp.WithPeer(func(*http.Request) string { return "client" })))
	response, err := send(t, url, with(start.String()))
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	require.Equal(t, []string{"client"}, clock.updates)
	clock.refuse = errors.New("not today")
	response, err = send(t, url, with(start.String()))
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
}

// A client without a clock writes at one server and reads at another, whose clock is behind.
func TestARelayOrdersWhatTwoServersDoForOneClient(t *testing.T) {
	ahead, behind := newClock(t, &fixed{at: start + 500}), newClock(t, &fixed{at: start})
	at := func(clock *hlc.Clock, headers *[]string) string {
		return serve(t, hlchttp.Handler(clock, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			*headers = append(*headers, r.Header.Get(hlchttp.Header))
		})))
	}
	var first, second []string
	write, read := at(ahead, &first), at(behind, &second)
	relay := new(hlchttp.Relay)
	wrap := func(next http.RoundTripper) http.RoundTripper { return hlchttp.Transport(relay, next) }

	response, err := send(t, write, wrap)
	require.NoError(t, err)
	require.Equal(t, []string{""}, first, "it has nothing to say yet")
	written := stamp(t, response.Header)
	require.Equal(t, written, relay.Last())
	response, err = send(t, read, wrap)
	require.NoError(t, err)
	require.Equal(t, []string{written.String()}, second)
	require.Greater(t, stamp(t, response.Header), written, "the read is after the write")
}

func TestARelayWithNothingToSayLeavesNoHeader(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "http://peer/", nil)
	request.Header.Set(hlchttp.Header, start.String()) // copied from a request that came in
	_, err := hlchttp.Transport(new(hlchttp.Relay), roundTrip(func(r *http.Request) (*http.Response, error) {
		require.Empty(t, r.Header.Values(hlchttp.Header))
		return &http.Response{Body: http.NoBody}, nil
	})).RoundTrip(request)
	require.NoError(t, err)

	url := serve(t, hlchttp.Handler(new(hlchttp.Relay), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if received, ok := hlchttp.FromContext(r.Context()); ok {
			http.Error(w, received.String(), http.StatusTeapot)
		}
	})))
	response, err := send(t, url, func(next http.RoundTripper) http.RoundTripper { return next })
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Empty(t, response.Header.Values(hlchttp.Header))
}

func TestARelayNeverGoesBack(t *testing.T) {
	var relay hlchttp.Relay
	var running sync.WaitGroup
	for g := range hlc.Timestamp(4) {
		running.Go(func() {
			for i := range hlc.Timestamp(2000) {
				before := relay.Last()
				remote := start + (i*7+g)%1000 + i
				got, err := relay.Update(remote, "")
				if after := relay.Last(); err != nil || got < remote || got < before || after < got {
					t.Errorf("%v, %v for %v, with %v before and %v after", got, err, remote, before, after)
				}
			}
		})
	}
	running.Wait()
	got, err := relay.Update(5, "")
	require.NoError(t, err)
	require.Equal(t, relay.Last(), got)
	require.Greater(t, got, start)
}

// idle is a transport that is asked to let go of its connections.
type idle struct {
	http.RoundTripper
	closed bool
}

func (i *idle) CloseIdleConnections() { i.closed = true }

func TestIdleConnectionsOfTheNextTransportAreClosed(t *testing.T) {
	next := new(idle)
	(&http.Client{Transport: hlchttp.Transport(new(hlchttp.Relay), next)}).CloseIdleConnections()
	require.True(t, next.closed)
	(&http.Client{Transport: hlchttp.Transport(new(hlchttp.Relay), roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.EOF }))}).CloseIdleConnections()
}

func TestNilIsRefusedWhereTheHandlerIsMade(t *testing.T) {
	next := http.NotFoundHandler()
	require.PanicsWithValue(t, "hlchttp: Handler needs a clock and a handler, and one is nil", func() { hlchttp.Handler((*hlc.Clock)(nil), next) })
	require.PanicsWithValue(t, "hlchttp: Handler needs a clock and a handler, and one is nil", func() { hlchttp.Handler(new(hlchttp.Relay), nil) })
	require.PanicsWithValue(t, "hlchttp: an option of Handler is nil", func() { hlchttp.Handler(new(hlchttp.Relay), next, nil) })
	require.Panics(t, func() { hlchttp.Transport(nil, nil) })
}
