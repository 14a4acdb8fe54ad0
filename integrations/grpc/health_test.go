package epsilongrpc_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

const (
	serving    = healthgrpc.HealthCheckResponse_SERVING
	notServing = healthgrpc.HealthCheckResponse_NOT_SERVING
	unknown    = healthgrpc.HealthCheckResponse_SERVICE_UNKNOWN
)

// scripted is a clock in a bubble of synctest, whose ε grows with the time since it was published.
type scripted struct {
	mu        sync.Mutex
	published time.Time
	epsilon   time.Duration
	rate      float64
	err       error
	changed   chan struct{}
	reads     int
}

func newScripted(epsilon time.Duration, rate float64) *scripted {
	return &scripted{published: time.Now(), epsilon: epsilon, rate: rate, changed: make(chan struct{})}
}

func (s *scripted) Now() (truetime.Interval, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.nowLocked()
}

func (s *scripted) nowLocked() (truetime.Interval, error) {
	if s.err != nil {
		return truetime.Interval{}, s.err
	}
	epsilon := s.epsilon + time.Duration(s.rate*float64(time.Since(s.published)))
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-epsilon), Latest: now.Add(epsilon)}, nil
}

// within reports whether the clock is within the bound at this moment.
func (s *scripted) within(max time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.nowLocked()
	return err == nil && now.Uncertainty() <= max
}

func (s *scripted) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// publish makes the clock what it is told, and says so.
func (s *scripted) publish(epsilon time.Duration, rate float64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published, s.epsilon, s.rate, s.err = time.Now(), epsilon, rate, err
	close(s.changed)
	s.changed = make(chan struct{})
}

// refuse makes it refuse, and says nothing, as after a migration of the virtual machine.
func (s *scripted) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = truetime.ErrNotSynchronized
}

// watcher is a stream that Watch sends to.
type watcher struct {
	grpc.ServerStream
	ctx  context.Context
	send func(healthgrpc.HealthCheckResponse_ServingStatus)

	mu  sync.Mutex
	got []healthgrpc.HealthCheckResponse_ServingStatus
}

func (w *watcher) Context() context.Context { return w.ctx }

func (w *watcher) Send(r *healthgrpc.HealthCheckResponse) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.send != nil {
		w.send(r.GetStatus())
	}
	w.got = append(w.got, r.GetStatus())
	return nil
}

func (w *watcher) last() healthgrpc.HealthCheckResponse_ServingStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got[len(w.got)-1]
}

func newHealth(t testing.TB, clock epsilongrpc.HealthClock, max time.Duration, services ...string) *epsilongrpc.Health {
	t.Helper()
	h, err := epsilongrpc.NewHealth(clock, max, services...)
	require.NoError(t, err)
	return h
}

func check(t testing.TB, h *epsilongrpc.Health) healthgrpc.HealthCheckResponse_ServingStatus {
	t.Helper()
	r, err := h.Check(t.Context(), &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	return r.GetStatus()
}

// Over random scripts: SERVING is never said while ε is above the bound, Check is never wrong, and Watch is as right a
// moment later. ε grows by 0 to 400 ppm.
func TestHealthIsNeverBetterThanTheClock(t *testing.T) {
	const bound = 2 * time.Millisecond
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			epsilon := func() time.Duration { return time.Duration(r.Int64N(int64(2 * bound))) }
			rate := func() float64 { return r.Float64() * 400e-6 }
			clock := newScripted(epsilon(), rate())
			h := newHealth(t, clock, bound)
			ctx, cancel := context.WithCancel(t.Context())
			w := &watcher{ctx: ctx, send: func(s healthgrpc.HealthCheckResponse_ServingStatus) {
				if s == serving && !clock.within(bound) {
					t.Errorf("seed %d: SERVING is sent beyond the bound", seed)
				}
			}}
			var done sync.WaitGroup
			done.Go(func() { _ = h.Watch(&healthgrpc.HealthCheckRequest{}, w) })
			defer done.Wait()
			defer cancel()
			for step := range 100 {
				switch r.IntN(4) {
				case 0:
					clock.publish(epsilon(), rate(), truetime.ErrClockFaulty)
				default:
					clock.publish(epsilon(), rate(), nil)
				}
				time.Sleep(time.Duration(r.Int64N(int64(20 * time.Second))))
				synctest.Wait()
				want := notServing
				if clock.within(bound) {
					want = serving
				}
				require.Equal(t, want, check(t, h), "seed %d, step %d", seed, step)
				if want == serving {
					require.Equal(t, serving, w.last(), "seed %d, step %d", seed, step)
				} else {
					time.Sleep(time.Millisecond) // the shortest wait for a timer
					synctest.Wait()
					require.Equal(t, notServing, w.last(), "seed %d, step %d", seed, step)
				}
			}
		})
	}
}

// What watches looks as often as it takes to be in time: once a second, and then ever closer to the moment.
func TestWatchLooksNoMoreOftenThanItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newScripted(time.Millisecond, 200e-6) // 10 ms after 45 s
		h := newHealth(t, clock, 10*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		w := &watcher{ctx: ctx}
		var done sync.WaitGroup
		var err error
		done.Go(func() { err = h.Watch(&healthgrpc.HealthCheckRequest{}, w) })
		defer done.Wait()
		defer cancel()
		time.Sleep(45*time.Second - time.Microsecond)
		synctest.Wait()
		require.Equal(t, serving, w.last())
		time.Sleep(time.Millisecond + 2*time.Microsecond)
		synctest.Wait()
		require.Equal(t, notServing, w.last())
		require.Less(t, clock.reads, 45+15)
		reads := clock.reads
		time.Sleep(time.Hour)
		require.Equal(t, reads, clock.reads, "ε becomes smaller by what is published alone")
		clock.publish(time.Millisecond, 0, nil)
		synctest.Wait()
		require.Equal(t, serving, w.last(), "at once")
		clock.refuse() // and says nothing
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, notServing, w.last())
		cancel()
		done.Wait()
		require.Equal(t, codes.Canceled, status.Code(err))
		require.Equal(t, []healthgrpc.HealthCheckResponse_ServingStatus{serving, notServing, serving, notServing}, w.got)
	})
}

func TestHealthAnswersForTheServicesItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(t, newScripted(time.Millisecond, 0), time.Millisecond, "ledger")
		for _, service := range []string{"", "ledger"} {
			r, err := h.Check(t.Context(), &healthgrpc.HealthCheckRequest{Service: service})
			require.NoError(t, err)
			require.Equal(t, serving, r.GetStatus(), "ε may be as large as the bound")
		}
		_, err := h.Check(t.Context(), &healthgrpc.HealthCheckRequest{Service: "other"})
		require.Equal(t, codes.NotFound, status.Code(err))
		all, err := h.List(t.Context(), &healthgrpc.HealthListRequest{})
		require.NoError(t, err)
		require.Len(t, all.GetStatuses(), 2)
		require.Equal(t, serving, all.GetStatuses()["ledger"].GetStatus())

		w := &watcher{ctx: t.Context()}
		ended := make(chan error)
		go func() { ended <- h.Watch(&healthgrpc.HealthCheckRequest{Service: "other"}, w) }()
		synctest.Wait()
		require.Equal(t, unknown, w.last())
		h.Close()
		require.Equal(t, codes.Unavailable, status.Code(<-ended))
		require.Equal(t, []healthgrpc.HealthCheckResponse_ServingStatus{unknown}, w.got)
	})
}

func TestACloseIsTheEndOfServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(t, newScripted(0, 0), time.Millisecond)
		w := &watcher{ctx: t.Context()}
		ended := make(chan error)
		go func() { ended <- h.Watch(&healthgrpc.HealthCheckRequest{}, w) }()
		synctest.Wait()
		require.Equal(t, serving, check(t, h))
		h.Close()
		h.Close()
		require.Equal(t, codes.Unavailable, status.Code(<-ended))
		require.Equal(t, []healthgrpc.HealthCheckResponse_ServingStatus{serving, notServing}, w.got)
		require.Equal(t, notServing, check(t, h))
		w = &watcher{ctx: t.Context()}
		require.Equal(t, codes.Unavailable, status.Code(h.Watch(&healthgrpc.HealthCheckRequest{}, w)))
		require.Equal(t, notServing, w.last())
	})
}

func TestMistakesAboutHealthAreReportedTogether(t *testing.T) {
	_, err := epsilongrpc.NewHealth((*truetime.Clock)(nil), -time.Second)
	require.EqualError(t, err, "epsilongrpc: no health: the clock is nil; bound of -1s for the uncertainty: it must be above 0")
	_, err = epsilongrpc.NewHealth(truetimetest.NewManual(start.Time(), 0), 0)
	require.EqualError(t, err, "epsilongrpc: no health: bound of 0s for the uncertainty: it must be above 0")
}
