package epsilonetcd_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// newClock returns a clock that stands still, so that nothing expires or is renewed unless a test says so.
func newClock() *truetimetest.Manual {
	return truetimetest.NewManual(1_800_000_000_000_000_000, time.Millisecond)
}

const ttl = time.Hour

func acquire(t testing.TB, clock truetime.Reader, store lease.Store, name string) *lease.Lease {
	t.Helper()
	candidate, err := lease.NewCandidate(clock, store, name, ttl)
	require.NoError(t, err)
	held, err := candidate.TryAcquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { held.Close() })
	return held
}

// write is what a holder does. It reports whether etcd has carried it out.
func write(t testing.TB, kv clientv3.KV, fence clientv3.Cmp, key, value string) bool {
	t.Helper()
	response, err := kv.Txn(t.Context()).If(fence).Then(clientv3.OpPut(key, value)).Commit()
	require.NoError(t, err)
	return response.Succeeded
}

func read(t testing.TB, kv clientv3.KV, key string, options ...clientv3.OpOption) string {
	t.Helper()
	response, err := kv.Get(t.Context(), key, options...)
	require.NoError(t, err)
	if len(response.Kvs) == 0 {
		return ""
	}
	return string(response.Kvs[0].Value)
}

// The story for which there are fences: a holder has its lease, is paused for longer than that lasts, and goes
// on. In its memory and by its clock, which has been paused with it, the lease is Held.
func TestAPausedHolderIsRefused(t *testing.T) {
	client, prefix := etcd(t)
	store, note := newStore(t, client, prefix), prefix+"note"
	pausedClock, clock := newClock(), newClock()
	paused := acquire(t, pausedClock, store, "writer")
	fence := store.Fence("writer", paused.Token())
	require.True(t, write(t, client, fence, note, "of the first"))

	clock.Advance(ttl - time.Second)
	candidate, err := lease.NewCandidate(clock, store, "writer", ttl)
	require.NoError(t, err)
	_, err = candidate.TryAcquire(t.Context())
	require.ErrorIs(t, err, lease.ErrTaken)
	require.True(t, write(t, client, fence, note, "of the first, still"))

	clock.Advance(2 * time.Second)
	require.True(t, write(t, client, fence, note, "of the first, late"), "nobody has followed yet")
	successor := acquire(t, clock, store, "writer")
	require.Equal(t, paused.Token()+1, successor.Token())
	require.NoError(t, paused.Check(), "the zombie believes in its lease")
	require.False(t, write(t, client, fence, note, "of the past"), "though its successor has not written anything yet")
	require.Equal(t, "of the first, late", read(t, client, note))

	require.True(t, write(t, client, store.Fence("writer", successor.Token()), note, "of the second"))
	require.False(t, write(t, client, fence, note, "of the past"))
	pausedClock.Advance(time.Millisecond)
	require.ErrorIs(t, paused.Renew(t.Context()), lease.ErrLost)
}

func TestAFenceHoldsUntilTheLeaseIsGivenUpOrRevoked(t *testing.T) {
	client, prefix := etcd(t)
	store, clock := newStore(t, client, prefix), newClock()
	held := func(token lease.Token) bool {
		return write(t, client, store.Fence("writer", token), prefix+"note", "x")
	}
	require.False(t, held(0))
	require.False(t, held(1))

	released := acquire(t, clock, store, "writer")
	require.True(t, held(1))
	require.False(t, held(2))
	clock.Advance(time.Millisecond)
	require.NoError(t, released.Renew(t.Context()))
	require.True(t, held(1))
	require.NoError(t, released.Release(t.Context()))
	require.False(t, held(1))

	acquire(t, clock, store, "writer")
	require.True(t, held(2))
	seen, _, err := lease.Look(t.Context(), clock, store, "writer")
	require.NoError(t, err)
	require.NoError(t, lease.Revoke(t.Context(), store, "writer", seen))
	require.False(t, held(2))

	acquire(t, clock, store, "writer")
	require.False(t, held(1))
	require.False(t, held(2))
	require.True(t, held(3))
	require.False(t, held(0))
}

// Holders follow on each other while transactions of all of them are under way. In the order in which etcd has
// carried them out no token goes back.
func TestTokensNeverGoBack(t *testing.T) {
	client, prefix := etcd(t)
	store, key := newStore(t, client, prefix), prefix+"entry"
	seed := rand.Uint64()
	t.Log("seed", seed)
	var last atomic.Uint64 // the highest token handed out, as a hint
	var admitted, refused atomic.Int64
	var wg sync.WaitGroup
	for id := range 4 {
		random := rand.New(rand.NewPCG(seed, uint64(id)))
		wg.Go(func() {
			for range 40 {
				if random.IntN(4) == 0 { // whoever holds it is paused from here on
					token, err := follow(t.Context(), store)
					if err != nil {
						t.Error(err)
					} else if token != 0 {
						last.Store(uint64(token))
					}
				}
				token := lease.Token(last.Load())
				ok, err := put(t.Context(), client, store.Fence("writer", token), key, fmt.Sprint(token))
				switch {
				case err != nil:
					t.Error(err)
				case ok:
					admitted.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Log(admitted.Load(), "admitted", refused.Load(), "refused, token", last.Load())
	require.NotZero(t, admitted.Load())
	response, err := client.Get(t.Context(), key)
	require.NoError(t, err)
	above := uint64(1 << 63)
	for n := range admitted.Load() {
		entry := response.Kvs[0]
		token, err := strconv.ParseUint(string(entry.Value), 10, 64)
		require.NoError(t, err)
		require.LessOrEqual(t, token, above, "entry %d from the end", n)
		above = token
		require.EqualValues(t, admitted.Load()-n, entry.Version, "what was not admitted is not there")
		if entry.Version > 1 {
			response, err = client.Get(t.Context(), key, clientv3.WithRev(entry.ModRevision-1))
			require.NoError(t, err)
		}
	}
}

// follow acquires the lease as if it had expired, and returns 0 if another was faster.
func follow(ctx context.Context, store lease.Store) (lease.Token, error) {
	record, err := store.Load(ctx, "writer")
	if err != nil {
		return 0, err
	}
	next := lease.Record{Holder: "h", Session: lease.Session{1}, Token: record.Token + 1, Expiry: 1, TTL: 1}
	_, err = store.CompareAndSwap(ctx, "writer", record.Version, next)
	if errors.Is(err, lease.ErrConflict) {
		return 0, nil
	}
	return next.Token, err
}

func put(ctx context.Context, kv clientv3.KV, fence clientv3.Cmp, key, value string) (bool, error) {
	response, err := kv.Txn(ctx).If(fence).Then(clientv3.OpPut(key, value)).Commit()
	if err != nil {
		return false, err
	}
	return response.Succeeded, nil
}

// A lease and its fence work in a namespace, and know nothing of what is outside.
func TestANamespaceIsHeeded(t *testing.T) {
	client, prefix := etcd(t)
	inside := namespace.NewKV(client, prefix)
	store := newStore(t, inside, "leases/")
	held := acquire(t, newClock(), store, "writer")
	require.True(t, write(t, inside, store.Fence("writer", held.Token()), "note", "x"))
	require.Equal(t, "x", read(t, client, prefix+"note"))
	require.False(t, write(t, client, store.Fence("writer", held.Token()), prefix+"note", "y"), "outside there is no such lease")
	require.NotEmpty(t, read(t, client, prefix+"leases/writer"))
}

// The key of a holder that somebody has deleted is back with the next renewal, and writes are refused until then.
func TestARenewalMendsAKeyThatIsMissing(t *testing.T) {
	client, prefix := etcd(t)
	store := newStore(t, client, prefix)
	clock := newClock()
	held := acquire(t, clock, store, "writer")
	fence := store.Fence("writer", held.Token())
	_, err := client.Delete(t.Context(), prefix+"writer/#", clientv3.WithPrefix())
	require.NoError(t, err)
	require.False(t, write(t, client, fence, prefix+"note", "x"))
	clock.Advance(time.Millisecond)
	require.NoError(t, held.Renew(t.Context()))
	require.True(t, write(t, client, fence, prefix+"note", "x"))
}
