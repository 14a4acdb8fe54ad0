package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheProgramRunsOnRealServers(t *testing.T) {
	var servers []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{})
		defer s.Close()
		servers = append(servers, s.Address())
	}
	data := t.TempDir()
	var before []string
	for range 2 { // the second goes on after the first
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), servers, data, &out))
		require.Regexp(t, regexp.MustCompile(`^\S+ orders a chair\n\S+ billing a chair\n\S+ orders a table\n\S+ billing a table\n$`), out.String())
		before = append(before, strings.Split(strings.TrimSpace(out.String()), "\n")...)
	}
	require.True(t, slices.IsSorted(before), before)
	require.ErrorContains(t, run(t.Context(), nil, data, &bytes.Buffer{}), "no sources")
	require.ErrorContains(t, run(t.Context(), servers, filepath.Join(data, "nowhere"), &bytes.Buffer{}), "nowhere")
}

const (
	truth   truetime.Time = 1_800_000_000_000_000_000
	epsilon               = 5 * time.Millisecond
)

// off is a clock whose middle is off by d from the truth, which it contains.
func off(d time.Duration) *truetimetest.Manual {
	return truetimetest.NewManual(truth.Add(d), epsilon)
}

// open opens a store in a file.
func open(t *testing.T, path string) *hlc.FileStore {
	store, err := hlc.OpenFileStore(path)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

// start starts a service that tells the next one, if there is one.
func start(t *testing.T, name string, clock truetime.Reader, store hlc.Store, next string) (*service, string) {
	s, err := newService(t.Context(), name, clock, store)
	require.NoError(t, err)
	t.Cleanup(func() { s.close() })
	s.next = next
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return s, server.URL
}

// The story of the guide: of two clocks that both keep their promise the one of the later event is behind.
func TestACauseIsBeforeItsEffectThoughTheClocksSayOtherwise(t *testing.T) {
	fast, slow := off(epsilon), off(-epsilon)
	billing, url := start(t, "billing", slow, open(t, filepath.Join(t.TempDir(), "billing")), "")
	orders, _ := start(t, "orders", fast, open(t, filepath.Join(t.TempDir(), "orders")), url)
	cause, err := fast.Now()
	require.NoError(t, err)
	effect, err := slow.Now()
	require.NoError(t, err)
	require.True(t, effect.Latest.Before(cause.Latest), "so timestamps of the clocks alone would be the wrong way round")

	for range 3 {
		require.NoError(t, orders.happens(t.Context(), "a chair"))
	}
	require.Len(t, billing.events, 3)
	for i := range orders.events {
		require.True(t, billing.events[i].Stamp.After(orders.events[i].Stamp), "the bill is after the order")
		if i > 0 {
			require.True(t, orders.events[i].Stamp.After(billing.events[i-1].Stamp), "the next order is after the bill before")
		}
	}
}

func TestAnEventFromTheFutureIsRefused(t *testing.T) {
	billing, url := start(t, "billing", off(0), open(t, filepath.Join(t.TempDir(), "billing")), "")
	orders, _ := start(t, "orders", off(time.Hour), open(t, filepath.Join(t.TempDir(), "orders")), url)
	before, err := billing.clock.Now()
	require.NoError(t, err)
	err = orders.happens(t.Context(), "a chair")
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	require.ErrorContains(t, err, url)
	require.Empty(t, billing.events)
	after, err := billing.clock.Now()
	require.NoError(t, err)
	require.Less(t, after, before+1000, "its own time goes on as before")
}

func TestAServiceWithoutATimeRefuses(t *testing.T) {
	clock := off(0)
	billing, url := start(t, "billing", clock, open(t, filepath.Join(t.TempDir(), "billing")), "")
	orders, _ := start(t, "orders", off(0), open(t, filepath.Join(t.TempDir(), "orders")), url)
	clock.Disrupt()
	require.ErrorContains(t, orders.happens(t.Context(), "a chair"), http.StatusText(http.StatusServiceUnavailable))
	require.ErrorIs(t, billing.happens(t.Context(), "a chair"), truetime.ErrNotSynchronized)
	require.Empty(t, billing.events)
	clock.Resume()
	require.NoError(t, orders.happens(t.Context(), "a chair"))
}

// A service that has merged a timestamp ahead of its own clock dies, and the next one begins where it was.
func TestTimestampsGoOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "billing")
	clock := off(-epsilon)
	store := open(t, path)
	billing, url := start(t, "billing", clock, store, "")
	orders, _ := start(t, "orders", off(100*time.Millisecond), open(t, filepath.Join(t.TempDir(), "orders")), url)
	require.NoError(t, orders.happens(t.Context(), "a chair"))
	last := billing.events[0].Stamp
	now, err := clock.Now()
	require.NoError(t, err)
	require.True(t, last.Time().After(now.Latest.Add(90*time.Millisecond)))
	require.NoError(t, billing.close())
	require.NoError(t, store.Close())

	forgetful, err := hlc.New(clock)
	require.NoError(t, err)
	again, err := forgetful.Now()
	require.NoError(t, err)
	require.True(t, again.Before(last), "without a store there would be events after it with smaller timestamps")

	reopened := &reporting{Store: open(t, path), loaded: make(chan struct{})}
	go func() {
		<-reopened.loaded
		clock.Advance(time.Second) // it waits until then
	}()
	billing, _ = start(t, "billing", clock, reopened, "")
	require.NoError(t, billing.happens(t.Context(), "a bill"))
	require.True(t, billing.events[0].Stamp.After(last))
}

// reporting says when the bound is loaded.
type reporting struct {
	hlc.Store
	loaded chan struct{}
}

func (r *reporting) Load(ctx context.Context) (hlc.Timestamp, error) {
	defer close(r.loaded)
	return r.Store.Load(ctx)
}
