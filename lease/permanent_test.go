package lease

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refusing is a store that answers with an error where there is one.
type refusing struct {
	MemoryStore
	load, swap atomic.Pointer[error]
}

func (r *refusing) Load(ctx context.Context, name string) (Record, error) {
	if err := r.load.Load(); err != nil {
		return Record{}, *err
	}
	return r.MemoryStore.Load(ctx, name)
}

func (r *refusing) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if err := r.swap.Load(); err != nil {
		return 0, *err
	}
	return r.MemoryStore.CompareAndSwap(ctx, name, version, next)
}

func ofFile(err error) error { return &fs.PathError{Op: "open", Path: "/leases/x", Err: err} }

// Of a file system: errors that no waiting mends, and such that may pass.
var (
	stayingOfFiles = []error{
		ofFile(syscall.EACCES), ofFile(syscall.EPERM), ofFile(syscall.ENOENT), ofFile(syscall.EROFS), ofFile(syscall.ENOTDIR),
		ofFile(syscall.EINVAL), ofFile(syscall.ENAMETOOLONG), ofFile(syscall.ENOLCK), ofFile(syscall.ENOSYS), ofFile(syscall.ELOOP),
		&os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EROFS},
		fs.ErrPermission, fs.ErrNotExist, fs.ErrClosed, errors.ErrUnsupported, syscall.EROFS, syscall.EACCES,
	}
	passingOfFiles = []error{
		ofFile(syscall.EMFILE), ofFile(syscall.ENFILE), ofFile(syscall.ENOSPC), ofFile(syscall.EINTR), ofFile(syscall.EAGAIN), ofFile(syscall.EIO),
		context.DeadlineExceeded, conflict("job", 1, 2),
	}
)

func TestAFileStoreTellsWhatSomebodyHasToMend(t *testing.T) {
	for _, err := range stayingOfFiles {
		require.ErrorIs(t, orPermanent(err), ErrPermanent)
		require.ErrorIs(t, orPermanent(err), err)
	}
	for _, err := range passingOfFiles {
		require.Equal(t, err, orPermanent(err))
	}
}

// Of any store. It says itself what waiting does not mend: a file that is missing is also how a
// socket looks whose server is about to start, and a packet filter refuses as a file does.
var (
	staying = []error{
		fmt.Errorf("no such table: %w", ErrPermanent), errors.Join(errNetwork, ErrPermanent), ErrCorrupt, orPermanent(ofFile(syscall.EROFS)),
	}
	passing = []error{
		errNetwork, io.ErrUnexpectedEOF, context.DeadlineExceeded, ofFile(syscall.ENOSPC),
		&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ENOENT)},
		&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		fmt.Errorf("store: %w", &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendto", syscall.EPERM)}),
	}
)

// prompt requires that act ends by itself without a pause: the bubble's time stands still.
func prompt(t *testing.T, act func(ctx context.Context) error, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	begun := time.Now()
	err := act(ctx)
	require.ErrorIs(t, err, want)
	require.Equal(t, begun, time.Now(), "%v was waited out", want)
}

// outlasted requires that act goes on until the error is gone.
func outlasted(t *testing.T, act func(ctx context.Context) error, of *atomic.Pointer[error]) {
	t.Helper()
	trouble := *of.Load()
	begun := time.Now()
	gone := time.AfterFunc(time.Second, func() { of.Store(nil) })
	defer gone.Stop()
	require.NoError(t, act(t.Context()), "%v passes", trouble)
	require.GreaterOrEqual(t, time.Since(begun), time.Second)
}

// forget has the lease look at the record before it changes it again, as after a reply that was
// lost.
func forget(t *testing.T, l *Lease) {
	require.NoError(t, l.take(t.Context()))
	l.protocol.forget()
	l.yield()
}

func TestAStoreThatWillNotRecoverIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		for _, during := range []string{"load", "swap"} {
			for _, trouble := range staying {
				store := new(refusing)
				c, err := NewCandidate(s.clock, store, "job", ttl, WithHolder("me"))
				require.NoError(t, err)
				held := acquire(t, c)
				answer := map[string]*atomic.Pointer[error]{"load": &store.load, "swap": &store.swap}[during]
				answer.Store(&trouble)
				time.Sleep(time.Millisecond) // or there would be nothing to renew
				if during == "load" {
					forget(t, held)
				}
				prompt(t, held.Renew, trouble)
				require.NoError(t, held.Check(), "it has until the expiry to be mended")
				forget(t, held)
				prompt(t, held.Release, trouble)

				time.Sleep(2 * ttl) // until the record has expired
				acquires := func(ctx context.Context) error { _, err := c.Acquire(ctx); return err }
				prompt(t, acquires, trouble)
				prompt(t, func(ctx context.Context) error { _, err := c.TryAcquire(ctx); return err }, trouble)
				answer.Store(nil)
				require.NoError(t, held.Release(t.Context()), "mended, it goes on")
			}
		}
	})
}

func TestTroubleOfAStoreThatMayPassIsOutlasted(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		for _, trouble := range passing {
			store := new(refusing)
			c, err := NewCandidate(s.clock, store, "job", ttl, WithHolder("me"))
			require.NoError(t, err)
			for _, answer := range []*atomic.Pointer[error]{&store.load, &store.swap} {
				answer.Store(&trouble)
				var held *Lease
				outlasted(t, func(ctx context.Context) (err error) { held, err = c.Acquire(ctx); return err }, answer)
				forget(t, held)
				answer.Store(&trouble)
				outlasted(t, held.Release, answer)
			}
		}
	})
}

// Whoever works under the lease hears why it was not renewed, and not only that it ends.
func TestAContextThatEndsTellsWhyTheLeaseWasNotRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		store := new(refusing)
		c, err := NewCandidate(s.clock, store, "job", ttl, WithHolder("me"))
		require.NoError(t, err)
		ctx, cancel := acquire(t, c).Context(t.Context())
		defer cancel()
		readOnly := ofFile(syscall.EROFS)
		store.swap.Store(&readOnly)
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), ErrExpiring)
		require.ErrorIs(t, context.Cause(ctx), syscall.EROFS)
	})
}
