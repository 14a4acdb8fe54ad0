package hlchttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const start hlc.Timestamp = 1_767_225_600_000_000_000

// fixed is an interval clock that stands still, and fails once it is told to.
type fixed struct {
	at     hlc.Timestamp
	failed atomic.Bool
}

func (f *fixed) Now() (truetime.Interval, error) {
	if f.failed.Load() {
		return truetime.Interval{}, truetime.ErrNotSynchronized
	}
	return truetime.Interval{Earliest: f.at.Time(), Latest: f.at.Time()}, nil
}

func newClock(t testing.TB, source truetime.Reader) *hlc.Clock {
	t.Helper()
	clock, err := hlc.New(source, hlc.WithTolerance(time.Millisecond))
	require.NoError(t, err)
	return clock
}

// serve starts a server and returns its address.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// send makes one request through a transport that keeps no connections.
func send(t *testing.T, url string, wrap func(http.RoundTripper) http.RoundTripper) (*http.Response, error) {
	t.Helper()
	base := &http.Transport{DisableKeepAlives: true}
	client := http.Client{Transport: wrap(base)}
	response, err := client.Get(url)
	if response != nil {
		t.Cleanup(func() { response.Body.Close() })
	}
	return response, err
}

// with sets headers as they are, past all checks.
func with(values ...string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header[hlchttp.Header] = values
			return next.RoundTrip(r)
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func stamp(t *testing.T, header http.Header) hlc.Timestamp {
	t.Helper()
	require.Len(t, header.Values(hlchttp.Header), 1)
	timestamp, err := hlc.ParseTimestamp(header.Get(hlchttp.Header))
	require.NoError(t, err)
	return timestamp
}

func TestTheOrderOfEventsGoesThereAndBack(t *testing.T) {
	client, server := newClock(t, &fixed{at: start + 500}), newClock(t, &fixed{at: start})
	before, err := client.Now()
	require.NoError(t, err)
	var received, during hlc.Timestamp
	url := serve(t, hlchttp.Handler(server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received, _ = hlchttp.FromContext(r.Context())
		for range 1000 {
			during, err = server.Now()
		}
		io.WriteString(w, "done")
	})))
	var request *http.Request
	response, err2 := send(t, url, func(next http.RoundTripper) http.RoundTripper {
		wrapped := hlchttp.Transport(client, next)
		return roundTrip(func(r *http.Request) (*http.Response, error) { request = r; return wrapped.RoundTrip(r) })
	})
	require.NoError(t, err)
	require.NoError(t, err2)
	require.Empty(t, request.Header.Values(hlchttp.Header), "the caller's request is not changed")
	require.Greater(t, received, before)
	require.Greater(t, during, received)
	require.Greater(t, stamp(t, response.Header), during, "taken when the header is written, not when the request came")
	require.Greater(t, client.Last(), stamp(t, response.Header))
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "done", string(body))
}

func TestTheHeaderIsStampedWhicheverWayItIsWritten(t *testing.T) {
	for name, write := range map[string]func(http.ResponseWriter){
		"nothing":     func(http.ResponseWriter) {},
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
		"Write":       func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"ReadFrom":    func(w http.ResponseWriter) { w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")) },
		"Flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock(t, &fixed{at: start})
			var during hlc.Timestamp
			url := serve(t, hlchttp.Handler(clock, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				during, _ = clock.Now()
				write(w)
			})))
			response, err := send(t, url, func(next http.RoundTripper) http.RoundTripper { return next })
			require.NoError(t, err)
			require.Greater(t, stamp(t, response.Header), during)
		})
	}
}

// Early hints carry a timestamp of their own; the header that counts has a later one.
func TestTheFinalHeaderIsStampedAfterAnInformationalOne(t *testing.T) {
	clock := newClock(t, &fixed{at: start})
	var during hlc.Timestamp
	url := serve(t, hlchttp.Handler(clock, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		during, _ = clock.Now()
		w.WriteHeader(http.StatusOK)
	})))
	response, err := send(t, url, func(next http.RoundTripper) http.RoundTripper { return next })
	require.NoError(t, err)
	require.Greater(t, stamp(t, response.Header), during)
}

func TestAConnectionCanBeTakenOver(t *testing.T) {
	url := serve(t, hlchttp.Handler(newClock(t, &fixed{at: start}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		buffered.WriteString("HTTP/1.1 299 Taken\r\nContent-Length: 0\r\n\r\n")
		buffered.Flush()
	})))
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 299, response.StatusCode)
}

func TestABadHeaderIsRefusedBeforeTheHandler(t *testing.T) {
	clock := newClock(t, &fixed{at: start})
	url := serve(t, hlchttp.Handler(clock, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the handler was called")
	}), hlchttp.WithPeer(func(*http.Request) string { return "node-7" })))
	for _, row := range []struct {
		values []string
		status int
	}{
		{[]string{""}, http.StatusBadRequest},
		{[]string{"x"}, http.StatusBadRequest},
		{[]string{"0"}, http.StatusBadRequest},
		{[]string{"-1"}, http.StatusBadRequest},
		{[]string{"9223372036854775808"}, http.StatusBadRequest},
		{[]string{strings.Repeat("1", 100_000)}, http.StatusBadRequest},
		{[]string{start.String(), start.String()}, http.StatusBadRequest},
		{[]string{(start + 1_000_001).String()}, http.StatusUnprocessableEntity},
		{[]string{"9223372036854775807"}, http.StatusUnprocessableEntity},
	} {
		response, err := send(t, url, with(row.values...))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, row.status, response.StatusCode, "%.50q: %s", row.values, body)
		require.Contains(t, string(body), `"node-7"`)
		require.Less(t, len(body), 1000)
		require.Less(t, clock.Last(), start+100, "nothing was merged")
	}
}

func TestARequestWithoutATimestampIsServed(t *testing.T) {
	url := serve(t, hlchttp.Handler(newClock(t, &fixed{at: start}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received, ok := hlchttp.FromContext(r.Context())
		if !ok || received != start {
			http.Error(w, received.String(), http.StatusTeapot)
		}
	})))
	response, err := send(t, url, func(next http.RoundTripper) http.RoundTripper { return next })
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	_, ok := hlchttp.FromContext(t.Context())
	require.False(t, ok)
}

func TestWithoutATimestampOfItsOwnTheServerIsUnavailable(t *testing.T) {
	source := &fixed{at: start}
	clock := newClock(t, source)
	url := serve(t, hlchttp.Handler(clock, http.NotFoundHandler()))
	source.failed.Store(true)
	response, err := send(t, url, with(start.String()))
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "1", response.Header.Get("Retry-After"))
	require.Empty(t, response.Header.Values(hlchttp.Header))
}

func TestAResponseStillCarriesTheOrderWhenTheClockFailsMeanwhile(t *testing.T) {
	source := &fixed{at: start}
	clock := newClock(t, source)
	var during hlc.Timestamp
	url := serve(t, hlchttp.Handler(clock, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		during, _ = clock.Now()
		source.failed.Store(true)
	})))
	response, err := send(t, url, with(start.String()))
	require.NoError(t, err)
	require.Equal(t, during, stamp(t, response.Header))
}

func TestTheClientRefusesAResponseThatItCannotMerge(t *testing.T) {
	for value, want := range map[string]error{
		"x":                            hlc.ErrInvalidTimestamp,
		"":                             hlc.ErrInvalidTimestamp,
		(start + 1_000_001).String():   hlc.ErrFromFuture,
		"9223372036854775807":          hlc.ErrFromFuture,
		start.String() + "," + "5":     hlc.ErrInvalidTimestamp,
		"  " + (start + 100).String():  nil, // space around a value is not part of it
		(start + 1_000_000).String():   nil,
		start.String() + "0000000000 ": hlc.ErrInvalidTimestamp,
	} {
		clock := newClock(t, &fixed{at: start})
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header()[hlchttp.Header] = []string{value} }))
		_, err := send(t, url, func(next http.RoundTripper) http.RoundTripper { return hlchttp.Transport(clock, next) })
		if want == nil {
			require.NoError(t, err, value)
			require.Greater(t, clock.Last(), start+100)
			continue
		}
		require.ErrorIs(t, err, want, value)
		require.ErrorContains(t, err, strings.TrimPrefix(url, "http://"), "the peer is named")
		require.Equal(t, start, clock.Last(), "nothing was merged")
	}
}

func TestTheClientPassesOnWhatHasNoTimestamp(t *testing.T) {
	clock := newClock(t, &fixed{at: start})
	wrap := func(next http.RoundTripper) http.RoundTripper { return hlchttp.Transport(clock, next) }
	response, err := send(t, serve(t, http.NotFoundHandler()), wrap)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)

	broken := errors.New("broken")
	_, err = hlchttp.Transport(clock, roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken })).
		RoundTrip(&http.Request{}) // without a header map
	require.ErrorIs(t, err, broken)
}

type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

func TestTheClientDoesNotSendWithoutATimestamp(t *testing.T) {
	source := &fixed{}
	source.failed.Store(true)
	body := &closable{Reader: strings.NewReader("x")}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://peer.invalid/", body)
	require.NoError(t, err)
	_, err = hlchttp.Transport(newClock(t, source), roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, nil
	})).RoundTrip(request)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorContains(t, err, "peer.invalid")
	require.True(t, body.closed)
}

// nowhere is where the responses of the fuzzer go.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}

func FuzzHeader(f *testing.F) {
	for _, value := range []string{"", "1", "-1", "x", start.String(), "9223372036854775807", "9223372036854775808"} {
		f.Add(value, value)
		f.Add(value, "none")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		clock := newClock(t, &fixed{at: start})
		values := []string{one}
		if two != "none" {
			values = append(values, two)
		}
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header[hlchttp.Header] = values
		called := false
		hlchttp.Handler(clock, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })).
			ServeHTTP(nowhere{http.Header{}}, request)
		remote, err := hlc.ParseTimestamp(one)
		const year1990 = hlc.Timestamp(631_152_000_000_000_000)
		require.Equal(t, err == nil && len(values) == 1 && year1990 <= remote && remote <= start+1_000_000, called)

		_, err = hlchttp.Transport(clock, roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{Header: http.Header{hlchttp.Header: values}, Body: http.NoBody}, nil
		})).RoundTrip(httptest.NewRequest(http.MethodGet, "http://peer/", nil))
		require.Equal(t, called, err == nil)
	})
}

func TestAPeerThatHasNoNameIsNamedByItsAddress(t *testing.T) {
	handler := hlchttp.Handler(newClock(t, &fixed{at: start}), http.NotFoundHandler(), hlchttp.WithPeer(nil))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set(hlchttp.Header, "x")
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	require.Equal(t, http.StatusBadRequest, response.Code)
	require.Contains(t, response.Body.String(), request.RemoteAddr)
}
