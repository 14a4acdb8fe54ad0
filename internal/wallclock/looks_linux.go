package wallclock

import (
	"context"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/monotonic"
)

// looks is the last look at how the kernel is steered that this process has had, and the watch that it was under. There
// is one such kernel, so all who look share what they have seen: a look counts only if an earlier one in the same second has found the same.
var looks looker

type looker struct {
	sync.Mutex
	watch Watch
	told  Steering
}

// ReadSteered is [ReadFirst], with what earlier looks of this process make of its Steering. That is worth something, as the whole
// bracket is, if nobody has set the clock since watch began. It costs five system calls.
func ReadSteered(counter monotonic.Counter) (r Reading, watch Watch, err error) {
	if localcounter.Of(counter) == nil { // then there is nothing to look for: see ReadFirst
		if watch, err = NewWatch(); err != nil {
			return r, watch, err
		}
		r, err = Read(counter)
		return r, watch, err
	}
	return looks.read(linux{}, counter)
}

func (l *looker) read(k kernel, counter monotonic.Counter) (r Reading, watch Watch, err error) {
	l.Lock()
	defer l.Unlock()
	if l.watch.WasSet() {
		l.told = Steering{}
		if l.watch, err = NewWatch(); err != nil {
			return r, Watch{}, err
		}
	}
	if r, err = readFirst(k, counter); err != nil {
		return r, Watch{}, err
	}
	r.Steering = r.Steering.After(l.told)
	l.told = r.Steering
	return r, l.watch, nil
}

const (
	lookSpacing = 5 * time.Millisecond // of two looks: mostly there is a timer interrupt in between, as a wait ends with one
	maxLooks    = 6
)

// Settle looks until the next [ReadSteered] will have a Steering that is in force, in a second of which so much is left, and returns that it is so.
// It returns at once if it is so already, or cannot be: where the kernel does not tell, or may hide an offset. Mostly it takes one or two
// waits of 5 ms, and never more than lasting and five of them.
func Settle(ctx context.Context, counter monotonic.Counter, lasting time.Duration) bool {
	if localcounter.Of(counter) == nil {
		return false
	}
	return looks.settle(ctx, linux{}, counter, lasting, sleep)
}

func (l *looker) settle(ctx context.Context, k kernel, counter monotonic.Counter, lasting time.Duration, sleep func(context.Context, time.Duration) error) bool {
	for look := 1; ; look++ {
		r, _, err := l.read(k, counter)
		if err != nil || !r.Steering.mayProve() {
			return false
		}
		left := time.Second - time.Duration(r.Wall%int64(time.Second))
		wait := lookSpacing
		switch {
		case left < lasting:
			wait = left + time.Millisecond
		case r.Steering.inForce() && r.Steering.Begun == r.Steering.Read: // and not only for the second before
			return true
		}
		if look == maxLooks || sleep(ctx, wait) != nil {
			return false
		}
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
