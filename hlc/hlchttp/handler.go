package hlchttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/internal/received"
	"github.com/epsilontime/epsilon/internal/unset"
)

// An Option changes what [Handler] does.
type Option func(*handler)

// WithPeer sets how the sender of a request is named in errors, such as by its certificate. The
// default, also for nil, is its network address.
func WithPeer(name func(*http.Request) string) Option {
	return func(h *handler) {
		if name != nil {
			h.peer = name
		}
	}
}

// Handler merges the timestamp of each request into clock before next sees the request, and puts
// one of the clock into the header of each response, taken at the moment the header is written.
// [FromContext] returns the timestamp of the request's reception.
//
// A request without a timestamp is served: it has nothing to merge. One whose timestamp cannot be
// merged is not, nothing is merged, and the body of the answer is the error:
//
//   - 400 Bad Request: the header is not a timestamp, or is one before 1990, which must be in another
//     unit, or there are several;
//   - 422 Unprocessable Content: the timestamp is from the future, [hlc.ErrFromFuture], so the
//     sender's clock is wrong, or this one;
//   - 503 Service Unavailable with Retry-After: this clock has no timestamp to give, such as for
//     want of synchronization.
//
// Handler panics if clock, next or an option is nil, as [http.Handle] does.
func Handler(clock Clock, next http.Handler, options ...Option) http.Handler {
	if unset.Nil(clock) || unset.Nil(next) {
		panic("hlchttp: Handler needs a clock and a handler, and one is nil")
	}
	h := &handler{clock: clock, next: next, peer: func(r *http.Request) string { return r.RemoteAddr }}
	for _, option := range options {
		if option == nil {
			panic("hlchttp: an option of Handler is nil")
		}
		option(h)
	}
	return h
}

type handler struct {
	clock Clock
	next  http.Handler
	peer  func(*http.Request) string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stamped := &responseWriter{ResponseWriter: w, clock: h.clock}
	at, err := h.receive(r)
	if err != nil {
		status := statusOf(err)
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(stamped, err.Error(), status)
		return
	}
	h.next.ServeHTTP(stamped, r.WithContext(received.NewContext(r.Context(), at)))
	stamped.stamp(http.StatusOK) // if nothing was written, the server is about to do it
}

// receive returns the timestamp of the reception of r.
func (h *handler) receive(r *http.Request) (hlc.Timestamp, error) {
	from := h.peer(r)
	remote, found, err := carried(r.Header, from)
	switch {
	case err != nil:
		return 0, err
	case found:
		return h.clock.Update(remote, from)
	default:
		return h.clock.Now()
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, hlc.ErrInvalidTimestamp):
		return http.StatusBadRequest
	case errors.Is(err, hlc.ErrFromFuture):
		return http.StatusUnprocessableEntity
	default:
		return http.StatusServiceUnavailable
	}
}

// FromContext returns the timestamp at which [Handler] received the request of this context, if
// there is one. It is also that of a call which the interceptors of integrations/grpc received.
func FromContext(ctx context.Context) (hlc.Timestamp, bool) { return received.FromContext(ctx) }
