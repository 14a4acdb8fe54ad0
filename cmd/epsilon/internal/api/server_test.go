package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/truetime"
)

// host is a daemon of which a test says what it does.
type host struct {
	Host
	record func(io.Writer) error
	events chan statuspage.Event
}

func (h host) WriteRecording(w io.Writer) error { return h.record(w) }

func (h host) Subscribe() ([]statuspage.Event, <-chan statuspage.Event, func()) {
	return nil, h.events, func() {}
}

// serve has a server answer until the test ends.
func serve(t testing.TB, h Host, change func(*Server)) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	l, err := Listen(path)
	require.NoError(t, err)
	s := NewServer(h)
	if change != nil {
		change(s)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c := NewClient(path)
	t.Cleanup(func() {
		c.Close()
		require.NoError(t, s.Close())
		require.NoError(t, <-served)
		_ = l.Close()
	})
	return c
}

func TestAReaderThatDoesNotReadKeepsNobodyFromARecording(t *testing.T) {
	const size = 4 << 20 // more than sockets hold
	c := serve(t, host{record: func(w io.Writer) error {
		_, err := w.Write(make([]byte, size))
		return err
	}}, func(s *Server) { s.read, s.turn = 3*time.Second, 20*time.Second })
	idle, err := net.Dial("unix", c.Path())
	require.NoError(t, err)
	defer idle.Close()
	_, err = idle.Write([]byte("GET /recording HTTP/1.1\r\nHost: epsilon\r\n\r\n"))
	require.NoError(t, err)
	_, err = idle.Read(make([]byte, 1)) // it is its turn
	require.NoError(t, err)
	n, err := c.Recording(t.Context(), io.Discard)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
}

func TestStrangersKeepNoRecordingFromWhoRunsTheDaemon(t *testing.T) {
	begun, end := make(chan struct{}, 2), make(chan struct{})
	s := NewServer(host{record: func(w io.Writer) error {
		begun <- struct{}{}
		<-end
		_, err := w.Write([]byte("journal"))
		return err
	}})
	s.turn = 50 * time.Millisecond
	ask := func(uid uint32) *httptest.ResponseRecorder {
		ctx := context.WithValue(t.Context(), peerKey{}, &connection{peer: uid, known: true})
		w := httptest.NewRecorder()
		s.record(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/recording", nil))
		return w
	}
	answers := make(chan *httptest.ResponseRecorder, 2)
	go func() { answers <- ask(54321) }()
	<-begun
	refused := ask(54322)
	require.Equal(t, http.StatusServiceUnavailable, refused.Code)
	require.Contains(t, refused.Body.String(), "others are reading one: try again")
	go func() { answers <- ask(uint32(os.Geteuid())) }()
	<-begun
	close(end)
	for range 2 {
		require.Equal(t, "journal", (<-answers).Body.String())
	}
}

func TestARecordingThatIsNotCompleteIsAnError(t *testing.T) {
	for _, written := range []string{"", "half of it"} {
		c := serve(t, host{record: func(w io.Writer) error {
			_, _ = io.WriteString(w, written)
			return errors.New("the daemon stops")
		}}, nil)
		_, err := c.Recording(t.Context(), io.Discard)
		require.Error(t, err)
	}
}

// Whoever falls behind is told so, and not that there is no daemon.
func TestWhoMissesEventsIsToldSo(t *testing.T) {
	events := make(chan statuspage.Event, 1)
	events <- statuspage.Event{Event: truetime.Event{Kind: truetime.EventState, State: truetime.Synchronized}}
	close(events)
	c := serve(t, host{events: events}, nil)
	heard := 0
	err := c.Events(t.Context(), func(truetime.Event) error { heard++; return nil })
	require.ErrorIs(t, err, ErrBehind)
	require.NotErrorIs(t, err, ErrNoDaemon)
	require.Equal(t, 1, heard)
}

// The names are what programs read, and "epsilon help json" promises that they stay. Server and client share the
// types, so that no other test would notice another name.
func TestNamesOfTheFormsStay(t *testing.T) {
	help, err := os.ReadFile("../../topics/json.txt")
	require.NoError(t, err)
	documented := strings.FieldsFunc(string(help), func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') })
	failure := errors.New("x")
	for _, c := range []struct {
		form  any
		names string
	}{
		{Report{}, "Clock Daemon"},
		{Daemon{"x", 1, 1, "x", true, []string{"x"}, true, 1, 1, "x", 1, "x", 1, []string{"x"}, &NTP{}, &ClockBound{}, &FleetSummary{}},
			"ClockBound Config Demo DriftPPM Fleet HTTP NTP Notes PID Pending Publications Ready ReadyWithin Reloads Segment Uptime Version"},
		{NTP{[]string{"x"}, 1, 1, 1, 1, map[string]uint64{}}, "Answered Dropped Kissed Listen Received Unsynchronized"},
		{ClockBound{"x", 1, 1, 1, "x"}, "Bound Err Segment Steps Writes"},
		{Reading{truetime.Interval{}, 1, 1, 1, true, "x"}, "Demo Epoch Err Interval State Uncertainty"},
		{Readiness{true, 1, 1, "x"}, "Ready Reason Uncertainty Within"},
		{History{}, "Answered Claim Delay Disagreement Drift End Every Leap Pause Uncertainty"},
		{Reloaded{[]string{"x"}}, "Restart"},
		{Problem{"x"}, "Err"},
		{truetime.Status{Err: failure, Disruption: "x"}, "Answering Budget Counter Disruption DisruptionAge Disruptions DriftPPM Epoch Err Faulty Heard Interval LeapSeconds RateHighPPM RateLowPPM Refusals Sources State Uncertainty Voters"},
		{truetime.SourceStatus{Err: failure}, "Age Authenticated Claim Delay Err Group HeldBack Interval Leap MinDelay Name NoVote Poll Polls Reach SameAs Scale Stamps Stratum Verdict"},
		{truetime.Budget{}, "Claim Delay Disagreement Drift EarliestAge EarliestFrom LatestAge LatestFrom Leap Pause"},
		{truetime.LeapReport{}, "At Status TableExpired TableExpiry TableRefused TableSource"},
		{truetime.Event{Kind: truetime.EventVerdict, Source: "x", Reason: "x", Err: failure, Dropped: 1}, "Dropped Epoch Err Kind Reason Source Verdict"},
	} {
		text, err := json.Marshal(c.form)
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(&object))
		names := slices.Sorted(maps.Keys(object))
		require.Equal(t, strings.Fields(c.names), names, "%T: no name changes its meaning or goes away", c.form)
		for _, name := range names {
			require.Contains(t, documented, name, "%s: %T is not all in epsilon help json", name, c.form)
		}
		if reflect.TypeOf(c.form).PkgPath() == reflect.TypeFor[Report]().PkgPath() {
			require.Len(t, names, reflect.TypeOf(c.form).NumField(), "%T", c.form)
		}
	}
}
