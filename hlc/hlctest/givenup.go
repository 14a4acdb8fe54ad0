package hlctest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/hlc"
)

// maxLooks bounds at how many looks at its context an operation is given up, one after the other.
// Stores look a few times; one that talks to a server by database/sql does some twenty times.
const maxLooks = 100

// endsAfter is a context that is cancelled when it has been looked at so many times. So the moment
// depends on what the store does, and not on how fast the machine is.
type endsAfter struct {
	context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	left int
}

func newEndsAfter(ctx context.Context, looks int) *endsAfter {
	inner, cancel := context.WithCancel(ctx)
	e := &endsAfter{Context: inner, cancel: cancel, left: looks}
	if looks == 0 {
		cancel()
	}
	return e
}

// cameTooLate reports whether the operation was over before the context ended, so that to let it go
// on for longer would show nothing new.
func (e *endsAfter) cameTooLate() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.left > 0
}

func (e *endsAfter) look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left--; e.left == 0 {
		e.cancel()
	}
}

func (e *endsAfter) Err() error {
	e.look()
	return e.Context.Err()
}

func (e *endsAfter) Done() <-chan struct{} {
	e.look()
	return e.Context.Done()
}

// Value hides the context inside, or package context would ask that and not this one.
func (e *endsAfter) Value(any) any { return nil }

func endedContext(ctx context.Context, store hlc.Store) error {
	if err := save(ctx, store, someBound); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	// A store need not heed its context. If it says that it has done the work, it has.
	if bound, err := store.Load(ended); err == nil && bound != someBound {
		return fmt.Errorf("store.Load with a cancelled context returned %d and no error: want an error, or %d", bound, someBound)
	}
	if err := expect(ctx, store, someBound); err != nil {
		return err
	}
	if err := store.Save(ended, someBound+1); err == nil {
		return expect(ctx, store, someBound+1)
	}
	if err := eitherOf(ctx, store, someBound, someBound+1); err != nil {
		return err
	}
	return save(ctx, store, someBound+2)
}

// eitherOf is what Load may return after a Save that has returned an error. Once it has returned
// the new bound it may not go back.
func eitherOf(ctx context.Context, store hlc.Store, before, after hlc.Timestamp) error {
	seen := false
	for range 3 {
		bound, err := store.Load(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("store.Load after a Save that was given up: %w", err)
		case bound != before && bound != after:
			return fmt.Errorf("store.Load after a Save that was given up returned %d: want %d or %d", bound, before, after)
		case seen && bound != after:
			return fmt.Errorf("store.Load returned %d after it had returned %d, and there was no Save in between", before, after)
		}
		seen = bound == after
	}
	return nil
}

func givenUpIsDoneOrNot(ctx context.Context, store hlc.Store) error {
	bound := someBound
	for n, over := 0, false; n < maxLooks && !over; n++ {
		if err := save(ctx, store, bound); err != nil {
			return err
		}
		ends := newEndsAfter(ctx, n)
		err := store.Save(ends, bound+1)
		over = ends.cameTooLate()
		if err == nil {
			if err := expect(ctx, store, bound+1); err != nil {
				return fmt.Errorf("after a Save that returned nil, though its context ended: %w", err)
			}
		} else if err := eitherOf(ctx, store, bound, bound+1); err != nil {
			return err
		}
		bound += 10
	}
	return nil
}

// givenUpIsNotDoneLater gives a Save up and saves another bound, which is higher or, as when the
// clock is closed, lower. The first must not come after it.
func givenUpIsNotDoneLater(ctx context.Context, store hlc.Store) error {
	bound := someBound
	for n, over := 0, false; n < maxLooks && !over; n++ {
		for _, next := range []hlc.Timestamp{bound + 4, bound - 4} {
			if err := save(ctx, store, bound-8); err != nil {
				return err
			}
			ends := newEndsAfter(ctx, n)
			_ = store.Save(ends, bound) // given up, or done in time: either will do
			over = ends.cameTooLate()
			if err := store.Save(ctx, next); err != nil {
				return fmt.Errorf("store.Save of %d, after one of %d that was given up: %w", next, bound, err)
			}
			if err := stays(ctx, store, next); err != nil {
				return fmt.Errorf("%d was saved after a Save of %d that was given up: %w", next, bound, err)
			}
		}
		bound += 10
	}
	return nil
}

// stays gives what a store may have left behind the time to come, on the machine that it is on.
func stays(ctx context.Context, store hlc.Store, want hlc.Timestamp) error {
	for range 3 {
		runtime.Gosched()
		time.Sleep(50 * time.Microsecond) // may find more, and is not needed to be right
		if err := expect(ctx, store, want); err != nil {
			return err
		}
	}
	return nil
}

// givenUpLoad gives Loads up at every moment. Where Load takes the store over for a new process, a
// half of that must not lock out the Save that comes next.
func givenUpLoad(ctx context.Context, store hlc.Store) error {
	for n, over := 0, false; n < maxLooks && !over; n++ {
		bound := someBound + hlc.Timestamp(n)
		if err := save(ctx, store, bound); err != nil {
			return err
		}
		ends := newEndsAfter(ctx, n)
		got, err := store.Load(ends)
		over = ends.cameTooLate()
		if err == nil && got != bound {
			return fmt.Errorf("store.Load with a context that ended meanwhile returned %d and no error: want an error, or %d", got, bound)
		}
		if err := stays(ctx, store, bound); err != nil {
			return err
		}
	}
	return nil
}
