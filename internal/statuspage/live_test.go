package statuspage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// host is one of which a test says what it reports.
type host struct {
	Events
	History
	report Report
}

func (h *host) Page() Report              { return h.report }
func (h *host) Seconds(since int) Seconds { return h.Since(since) }

// message is one of a stream.
type message struct {
	kind string
	data string
}

func read(t *testing.T, lines *bufio.Scanner) (m message) {
	t.Helper()
	for lines.Scan() {
		if kind, found := strings.CutPrefix(lines.Text(), "event: "); found {
			m.kind = kind
		}
		if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
			m.data = data
			return m
		}
	}
	t.Fatalf("the stream has ended: %v", lines.Err())
	return m
}

func TestAStreamBeginsWithThePastAndGoesOnWithWhatHappens(t *testing.T) {
	h := &host{report: Report{Daemon: Daemon{Program: "p", ReadyWithin: time.Second}, Clock: truetime.Status{State: truetime.Holdover}}}
	h.add(Second{Answered: true, Largest: truetime.Budget{Delay: 1}})
	h.Publish(truetime.Event{Kind: truetime.EventDisruption, Epoch: 2, Reason: "old"})
	s := httptest.NewServer(Handler(h))
	defer s.Close()
	response, err := http.Get(s.URL + "/live")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)

	m := read(t, lines)
	require.Equal(t, "past", m.kind)
	var begin past
	require.NoError(t, json.Unmarshal([]byte(m.data), &begin))
	require.Equal(t, []time.Duration{1}, begin.Seconds.Uncertainty)
	require.Equal(t, "epoch 2 begins: old", begin.Events[0].Text)
	require.Equal(t, warning, begin.Events[0].Grade)
	require.WithinDuration(t, time.Now(), begin.Events[0].At, time.Hour)

	m = read(t, lines)
	require.Equal(t, "status", m.kind)
	var first struct {
		Clock   truetime.Status
		Daemon  Daemon
		Words   words
		Seconds Seconds
	}
	require.NoError(t, json.Unmarshal([]byte(m.data), &first))
	require.Equal(t, truetime.Holdover, first.Clock.State)
	require.Equal(t, "p", first.Daemon.Program)
	require.Equal(t, "Holdover", first.Words.State)
	require.Empty(t, first.Seconds.Uncertainty, "the past has had it")

	h.add(Second{Largest: truetime.Budget{Delay: 2}})
	h.Publish(truetime.Event{Kind: truetime.EventState, State: truetime.ClockFaulty, Epoch: 3})
	kinds := map[string]string{}
	for len(kinds) < 2 {
		m = read(t, lines)
		if m.kind != "status" || strings.Contains(m.data, `"Uncertainty":[2]`) {
			kinds[m.kind] = m.data
		}
	}
	require.Contains(t, kinds["event"], `"Text":"clock is faulty (epoch 3)"`)
	require.Contains(t, kinds["event"], `"Grade":"bad"`)
}

func TestNoMoreStreamsThanThereMayBe(t *testing.T) {
	s := httptest.NewServer(Handler(&host{}))
	defer s.Close()
	open := func() *http.Response {
		r, err := http.Get(s.URL + "/live")
		require.NoError(t, err)
		return r
	}
	var all []*http.Response
	for range maxStreams {
		r := open()
		require.Equal(t, http.StatusOK, r.StatusCode)
		all = append(all, r)
	}
	refused := open()
	refused.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	all[0].Body.Close()
	require.Eventually(t, func() bool {
		r := open()
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 30*time.Second, time.Millisecond)
	for _, r := range all {
		r.Body.Close()
	}
}

func TestHeadOfAStreamIsNoStream(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(&host{}).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/live", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Body.String())
}

// stuck is a client that takes nothing any more: a write ends at its deadline.
type stuck struct {
	http.ResponseWriter
	deadline time.Time
	takes    int // writes before it is stuck
}

func (s *stuck) SetWriteDeadline(t time.Time) error { s.deadline = t; return nil }
func (s *stuck) FlushError() error                  { return nil }

func (s *stuck) Write(b []byte) (int, error) {
	if s.takes--; s.takes >= 0 {
		return len(b), nil
	}
	if s.deadline.IsZero() {
		return 0, errors.New("it would have waited for ever")
	}
	time.Sleep(time.Until(s.deadline))
	return 0, os.ErrDeadlineExceeded
}

func TestAClientThatReadsNothingIsDropped(t *testing.T) {
	for takes := range 4 {
		synctest.Test(t, func(t *testing.T) {
			w := &stuck{ResponseWriter: httptest.NewRecorder(), takes: takes}
			var h host
			began := time.Now()
			Handler(&h).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live", nil))
			require.Equal(t, maxWrite+max(0, time.Duration(takes-1))*statusEach, time.Since(began))
			require.Empty(t, h.subscribers)
		})
	}
}

func TestAStreamEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w := httptest.NewRecorder()
		Handler(&host{}).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", nil))
		require.InDelta(t, 60, strings.Count(w.Body.String(), "event: status"), 1, "one a second")
	})
}
