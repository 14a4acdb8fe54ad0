package epsilongrpc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// HealthClock is what [Health] follows: a [truetime.Clock], a hostclock.Clock, or what else has both
// methods as they have. Changed returns a channel that is closed when the clock next publishes anything.
type HealthClock interface {
	truetime.Reader
	Changed() <-chan struct{}
}

const (
	// growth is how fast ε is taken to grow between two looks: twice as fast as it does by the default
	// drift of 200 ppm, so that each look halves what is left, and the one at which it is too much
	// comes hardly later than it must.
	growth = 400e-6

	// lookAgain is the longest time between two looks while serving. Now may refuse before the clock
	// publishes that, as after a migration of the virtual machine, or with a drift above growth.
	lookAgain = time.Second

	// soonest is the shortest: Go's own timers are up to a millisecond late.
	soonest = time.Millisecond
)

// Health is a grpc.health.v1.Health that says SERVING while the clock's uncertainty ε is within a bound,
// and NOT_SERVING while it is not, or while the clock has no answer. Register it in place of the one in
// google.golang.org/grpc/health:
//
//	health, err := epsilongrpc.NewHealth(clock, 10*time.Millisecond)
//	if err != nil {
//		return err
//	}
//	healthgrpc.RegisterHealthServer(server, health)
//	…
//	health.Close() // those who watch are told and let go: GracefulStop would wait for them
//	server.GracefulStop()
//
// Take a bound above what ε reaches between two polls, or the answer changes with each of them. This is
// readiness: a server whose clock is uncertain should not be restarted for it.
type Health struct {
	healthgrpc.UnimplementedHealthServer
	clock    HealthClock
	max      time.Duration
	services []string

	closing sync.Once
	closed  chan struct{}
}

// NewHealth returns a Health for ε of at most max, which must be above 0. It answers for the server as
// a whole, which is the service "", and for services; others are unknown to it. It starts no goroutine.
func NewHealth(clock HealthClock, max time.Duration, services ...string) (*Health, error) {
	var m mistakes.List
	if unset.Nil(clock) {
		m.Addf("the clock is nil")
	}
	if max <= 0 {
		m.Addf("bound of %v for the uncertainty: it must be above 0", max)
	}
	if err := m.Err(); err != nil {
		return nil, fmt.Errorf("epsilongrpc: no health: %w", err)
	}
	return &Health{
		clock: clock, max: max, services: append([]string{""}, services...), closed: make(chan struct{}),
	}, nil
}

// Close makes the answer NOT_SERVING for good, and ends what watches. It may be called more than once.
func (h *Health) Close() { h.closing.Do(func() { close(h.closed) }) }

// Check answers by the interval of this moment.
func (h *Health) Check(_ context.Context, request *healthgrpc.HealthCheckRequest) (*healthgrpc.HealthCheckResponse, error) {
	if !h.knows(request.GetService()) {
		return nil, status.Errorf(codes.NotFound, "epsilongrpc: unknown service %.80q", request.GetService())
	}
	s, _ := h.look()
	return &healthgrpc.HealthCheckResponse{Status: s}, nil
}

// List answers for all services by the interval of this moment.
func (h *Health) List(context.Context, *healthgrpc.HealthListRequest) (*healthgrpc.HealthListResponse, error) {
	s, _ := h.look()
	all := map[string]*healthgrpc.HealthCheckResponse{}
	for _, service := range h.services {
		all[service] = &healthgrpc.HealthCheckResponse{Status: s}
	}
	return &healthgrpc.HealthListResponse{Statuses: all}, nil
}

// Watch sends the answer, and the next one as soon as it is another: when the clock has published
// something, or when ε has grown past the bound.
func (h *Health) Watch(request *healthgrpc.HealthCheckRequest, stream healthgrpc.Health_WatchServer) error {
	known := h.knows(request.GetService())
	sent := healthgrpc.HealthCheckResponse_UNKNOWN
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	for {
		changed := h.clock.Changed() // before looking, so that nothing is missed
		s, again := h.look()
		if !known {
			s, again, changed = healthgrpc.HealthCheckResponse_SERVICE_UNKNOWN, 0, nil
		}
		if s != sent {
			if err := stream.Send(&healthgrpc.HealthCheckResponse{Status: s}); err != nil {
				return err
			}
			sent = s
		}
		var due <-chan time.Time
		if again > 0 {
			timer.Reset(again)
			due = timer.C
		}
		select {
		case <-h.closed:
			if s == healthgrpc.HealthCheckResponse_SERVING {
				_ = stream.Send(&healthgrpc.HealthCheckResponse{Status: healthgrpc.HealthCheckResponse_NOT_SERVING})
			}
			return status.Error(codes.Unavailable, "epsilongrpc: the server is shutting down")
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-changed:
		case <-due:
		}
	}
}

func (h *Health) knows(service string) bool { return slices.Contains(h.services, service) }

// look returns the answer of this moment, and when to look again if the clock publishes nothing: 0 for
// not at all, as ε becomes smaller only by what is published.
func (h *Health) look() (healthgrpc.HealthCheckResponse_ServingStatus, time.Duration) {
	select {
	case <-h.closed:
		return healthgrpc.HealthCheckResponse_NOT_SERVING, 0
	default:
	}
	now, err := h.clock.Now()
	if err != nil || !now.Valid() || now.Uncertainty() > h.max {
		return healthgrpc.HealthCheckResponse_NOT_SERVING, 0
	}
	left := float64(h.max-now.Uncertainty()) / growth
	return healthgrpc.HealthCheckResponse_SERVING, max(soonest, time.Duration(min(left, float64(lookAgain))))
}
