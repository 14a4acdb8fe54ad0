package lease

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// register is a resource that a lease protects: each holder reads it, works, and writes the sum.
type register struct {
	fence *Fence // nil if there is none
	value int
}

func (r *register) write(token Token, value int) error {
	if r.fence != nil {
		if err := r.fence.Admit(token); err != nil {
			return err
		}
	}
	r.value = value
	return nil
}

// deposit is what a holder does. It does everything right: it works under the lease, with its
// token, and checks the lease right before it writes. Between the check and the write its process
// is paused.
func deposit(t *testing.T, c *Candidate, r *register, amount int, pause time.Duration) error {
	l, err := c.Acquire(t.Context())
	require.NoError(t, err)
	defer l.Close()
	var written error
	_ = l.Do(t.Context(), func(_ context.Context, token Token) error {
		value := r.value
		require.NoError(t, l.Check())
		stopped := time.Now() // a garbage collection, SIGSTOP, a migration: nothing of the process runs
		if pause > 0 {
			l.stop()
			time.Sleep(pause)
		}
		require.GreaterOrEqual(t, time.Since(stopped), pause)
		written = r.write(token, value+amount)
		return written
	})
	return written
}

// Two holders deposit 100 each. The first is paused right before its write until the second has
// finished.
func depositTwice(t *testing.T, r *register) (first error) {
	inBubble(t, func(t *testing.T, s setting) {
		paused := make(chan error)
		go func() { paused <- deposit(t, s.a, r, 100, 3*ttl) }()
		time.Sleep(time.Second)
		require.NoError(t, deposit(t, s.b, r, 100, 0), "the second is told that its deposit is safe")
		require.Equal(t, 100, r.value)
		require.NoError(t, r.write(2, r.value+50), "and goes on")
		first = <-paused
	})
	return first
}

// No clock can help against this, however good: the lease was held when it was checked. The second
// deposit was confirmed and is lost, and nobody is told.
func TestDemonstrationALeaseWithoutAFenceCorrupts(t *testing.T) {
	r := &register{}
	require.NoError(t, depositTwice(t, r), "the zombie is told that its deposit is safe")
	require.Equal(t, 100, r.value, "250 were confirmed")
}

// The same with a fence: the write of the paused holder is refused, and what was confirmed is
// there.
func TestDemonstrationALeaseWithAFenceDoesNotCorrupt(t *testing.T) {
	r := &register{fence: new(Fence)}
	require.ErrorIs(t, depositTwice(t, r), ErrStaleToken, "the zombie learns it")
	require.Equal(t, 150, r.value, "150 were confirmed")
}
