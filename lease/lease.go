package lease

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/epsilontime/epsilon/truetime"
)

// Lease is one acquisition of a lease, with one token. It is renewed in the background until it is
// released, closed or lost; then it is over, and acquiring again gives another Lease with a higher
// token. All methods may be called by several goroutines.
type Lease struct {
	config config
	token  Token

	granted atomic.Int64 // the expiry that the store has confirmed, a truetime.Time; it never goes back
	over    atomic.Bool  // as ended, for those who do not want to lock

	turn     chan struct{} // taken by whoever drives the protocol
	protocol protocol

	mu       sync.Mutex
	ended    error         // why it is over; nil while it is not
	issued   truetime.Time // the largest timestamp issued, or the floor if that is higher; zero if there is neither
	contexts map[*watched]struct{}
	works    int           // running Do
	idle     chan struct{} // closed when works is 0; nil if nobody waits
	failures int
	failure  error

	wake chan struct{} // there are contexts to be watched
	stop context.CancelFunc
	gone chan struct{} // closed when nothing runs in the background any more
}

func newLease(config config, p protocol) *Lease {
	ctx, stop := context.WithCancel(context.Background())
	l := &Lease{
		config:   config,
		token:    p.record.Token,
		turn:     make(chan struct{}, 1),
		protocol: p,
		contexts: make(map[*watched]struct{}),
		wake:     make(chan struct{}, 1),
		stop:     stop,
		gone:     make(chan struct{}),
	}
	l.granted.Store(int64(p.expiry()))
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		l.watch(ctx)
	}()
	go func() {
		defer close(l.gone)
		l.keep(ctx)
		<-watching
	}()
	return l
}

// Token returns the fencing token. Send it with every write, for a [Fence] to admit.
func (l *Lease) Token() Token { return l.token }

// Check returns nil if the lease was Held at some moment between call and return. Otherwise the
// error wraps ErrUncertain, ErrExpired, ErrLost, ErrReleased, ErrClosed, or ErrClock and the
// clock's own.
//
// For a read it is enough to call it after the request has arrived. A write may come late after any
// Check: that is what the token is for. It costs a reading of the clock and allocates nothing
// if the answer is nil.
func (l *Lease) Check() error {
	// The clock first: the lease was not given up before what is looked at afterwards, so not
	// before the moment of the reading either.
	now, err := l.config.now()
	if l.over.Load() {
		return l.end(nil)
	}
	if err != nil {
		return err
	}
	return judge(now, truetime.Time(l.granted.Load()))
}

// Close ends the lease for its holder: contexts are cancelled, nothing is renewed, nothing runs in
// the background any more. The record stays until it expires, at most TTL after the last renewal;
// Release is what gives it up. Close waits for a request to the store to end, which is cancelled.
// It does not wait for running Do. It returns nil.
func (l *Lease) Close() error {
	if l.stop == nil {
		return nil // nobody acquired it
	}
	_ = l.end(ErrClosed)
	l.stop()
	<-l.gone
	return nil
}

// Status is what is known about a lease, for people and metrics. Do not act on it; that is what
// Check and Do are for.
type Status struct {
	// State is Expired or Uncertain also where Check returns another error: Expired once the
	// lease is over, and Uncertain while the clock refuses.
	State State

	// Token and Expiry as confirmed by the store.
	Token  Token
	Expiry truetime.Time

	// Issued is the largest timestamp issued, or the floor ([Lease.Raise]) if that is higher: what
	// Release waits for. It is zero if there is neither.
	Issued truetime.Time

	// Failures counts the renewals that failed since one succeeded, and Failure is the last such
	// error.
	Failures int
	Failure  error

	// Ended is why the lease is over; nil while it is not.
	Ended error
}

// String says it in one line, for a person.
func (s Status) String() string {
	if s.Token == 0 {
		return s.State.String() + ": never acquired"
	}
	text := fmt.Sprintf("%v: token %d until %v", s.State, s.Token, s.Expiry)
	if s.Issued != 0 {
		text += fmt.Sprintf(", timestamps up to %v", s.Issued)
	}
	if s.Failures > 0 {
		text += fmt.Sprintf(", not renewed in %d attempts: %v", s.Failures, s.Failure)
	}
	if s.Ended != nil {
		text += fmt.Sprintf(", over: %v", s.Ended)
	}
	return text
}

// Status reports on the lease. It reads the clock and takes a lock.
func (l *Lease) Status() Status {
	now, err := l.config.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{
		Token:    l.token,
		Expiry:   truetime.Time(l.granted.Load()),
		Issued:   l.issued,
		Failures: l.failures,
		Failure:  l.failure,
		Ended:    l.ended,
	}
	switch {
	case l.ended != nil:
		s.State = Expired
	case err == nil:
		s.State = stateAt(now, s.Expiry)
	}
	return s
}
