package epsilonetcd_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// These are the methods that a program which uses the one may call on the other.
type swappable interface {
	Campaign(ctx context.Context, value string) error
	Proclaim(ctx context.Context, value string) error
	Resign(ctx context.Context) error
	Leader(ctx context.Context) (*clientv3.GetResponse, error)
	Observe(ctx context.Context) <-chan *clientv3.GetResponse
	Key() string
	Rev() int64
}

var (
	_ swappable = (*concurrency.Election)(nil)
	_ swappable = (*epsilonetcd.Election)(nil)
)

func newElection(t testing.TB, client *clientv3.Client, clock truetime.Reader, prefix string) *epsilonetcd.Election {
	t.Helper()
	e, err := epsilonetcd.NewElection(clock, client, prefix, ttl)
	require.NoError(t, err)
	t.Cleanup(func() {
		if held := e.Lease(); held != nil {
			held.Close()
		}
	})
	return e
}

// leader returns the value of the leader, or the empty string if there is none.
func leader(t testing.TB, e swappable) string {
	t.Helper()
	response, err := e.Leader(t.Context())
	if errors.Is(err, concurrency.ErrElectionNoLeader) {
		return ""
	}
	require.NoError(t, err)
	require.Len(t, response.Kvs, 1)
	return string(response.Kvs[0].Value)
}

// The same checks of both elections: what a program sees that swaps one for the other.
func TestElectionIsThatOfPackageConcurrency(t *testing.T) {
	check := func(t *testing.T, client *clientv3.Client, e, other swappable) {
		ctx := t.Context()
		require.Equal(t, "", leader(t, other))
		require.ErrorIs(t, e.Proclaim(ctx, "x"), concurrency.ErrElectionNotLeader)
		require.NoError(t, e.Resign(ctx))
		require.Empty(t, e.Key())

		watching, stop := context.WithCancel(ctx)
		defer stop()
		seen := other.Observe(watching)
		require.NoError(t, e.Campaign(ctx, "first"))
		require.Equal(t, "first", string((<-seen).Kvs[0].Value))
		require.Equal(t, "first", leader(t, e))
		require.Equal(t, "first", leader(t, other))
		found, err := client.Get(ctx, e.Key())
		require.NoError(t, err)
		require.Len(t, found.Kvs, 1)
		require.Equal(t, e.Rev(), found.Kvs[0].CreateRevision)
		require.Equal(t, "first", string(found.Kvs[0].Value))

		require.NoError(t, e.Proclaim(ctx, "second"))
		response := <-seen
		require.Equal(t, "second", string(response.Kvs[0].Value))
		require.Equal(t, response.Kvs[0].ModRevision, response.Header.Revision)
		require.NoError(t, e.Campaign(ctx, "third"), "a leader that campaigns proclaims")
		require.Equal(t, "third", string((<-seen).Kvs[0].Value))
		require.Equal(t, found.Kvs[0].CreateRevision, e.Rev())

		// What programs do that guard their transactions.
		key, rev := e.Key(), e.Rev()
		guard := clientv3.Compare(clientv3.CreateRevision(key), "=", rev)
		require.True(t, write(t, client, guard, "note", "x"))

		elected := make(chan error, 1)
		go func() { elected <- other.Campaign(ctx, "fourth") }()
		require.NoError(t, e.Resign(ctx))
		require.NoError(t, <-elected)
		require.Empty(t, e.Key())
		require.Equal(t, "fourth", string((<-seen).Kvs[0].Value))
		require.False(t, write(t, client, guard, "note", "x"))
		require.Equal(t, "fourth", leader(t, e))
		require.NoError(t, other.Resign(ctx))
		require.Equal(t, "", leader(t, e))

		stop()
		for range seen { // until it is closed
		}
	}
	t.Run("concurrency", func(t *testing.T) {
		client, prefix := etcd(t)
		session := func() *concurrency.Session {
			s, err := concurrency.NewSession(client)
			require.NoError(t, err)
			t.Cleanup(func() { s.Close() })
			return s
		}
		check(t, client, concurrency.NewElection(session(), prefix+"e"), concurrency.NewElection(session(), prefix+"e"))
	})
	t.Run("epsilonetcd", func(t *testing.T) {
		client, prefix := etcd(t)
		clock := newClock()
		check(t, client, newElection(t, client, clock, prefix+"e"), newElection(t, client, clock, prefix+"e"))
	})
}

// watcher tells when somebody begins to watch.
type watcher struct {
	clientv3.Watcher
	begun chan struct{}
}

func (w watcher) Watch(ctx context.Context, key string, options ...clientv3.OpOption) clientv3.WatchChan {
	w.begun <- struct{}{}
	return w.Watcher.Watch(ctx, key, options...)
}

// Who waits hears of a resignation from etcd: to ask four times in a TTL would take a quarter of an hour here.
func TestAResignationIsNoticedAtOnce(t *testing.T) {
	client, prefix := etcd(t)
	clock := newClock()
	leader := newElection(t, client, clock, prefix+"e")
	require.NoError(t, leader.Campaign(t.Context(), "first"))

	waiting := connect(t, client.Endpoints()...)
	watches := watcher{waiting.Watcher, make(chan struct{})}
	waiting.Watcher = watches
	candidate := newElection(t, waiting, clock, prefix+"e")
	elected := make(chan error, 1)
	go func() { elected <- candidate.Campaign(t.Context(), "second") }()
	<-watches.begun
	require.NoError(t, leader.Resign(t.Context()))
	require.NoError(t, <-elected)
	require.EqualValues(t, 2, candidate.Lease().Token())
}

// deaf is a watcher whose server never says that it watches.
type deaf struct{ clientv3.Watcher }

func (d deaf) Watch(ctx context.Context, _ string, _ ...clientv3.OpOption) clientv3.WatchChan {
	<-ctx.Done()
	closed := make(chan clientv3.WatchResponse)
	close(closed)
	return closed
}

// Watch waits for the server as long as its context goes on, and a candidate no longer than a lease can last.
func TestAServerThatDoesNotWatchIsNotWaitedForLongerThanTheLease(t *testing.T) {
	client, prefix := etcd(t)
	clock := newClock()
	const ttl = 300 * time.Millisecond
	leader, err := epsilonetcd.NewElection(clock, client, prefix+"e", ttl)
	require.NoError(t, err)
	require.NoError(t, leader.Campaign(t.Context(), "first"))

	waiting := connect(t, client.Endpoints()...)
	watches := watcher{deaf{waiting.Watcher}, make(chan struct{})}
	waiting.Watcher = watches
	candidate, err := epsilonetcd.NewElection(clock, waiting, prefix+"e", ttl)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	elected := make(chan error, 1)
	go func() { elected <- candidate.Campaign(ctx, "second") }()
	<-watches.begun
	require.NoError(t, leader.Resign(ctx))
	require.NoError(t, <-elected)
	require.EqualValues(t, 2, candidate.Lease().Token())
	require.NoError(t, candidate.Resign(ctx))
}

// A leader that has crashed, or is paused, is succeeded when it has expired by the clock of whoever follows, and
// has nothing to say any more.
func TestALeaderThatHasExpiredIsSucceeded(t *testing.T) {
	client, prefix := etcd(t)
	pausedClock, clock := newClock(), newClock()
	paused, successor := newElection(t, client, pausedClock, prefix+"e"), newElection(t, client, clock, prefix+"e")
	require.NoError(t, paused.Campaign(t.Context(), "first"))
	fence, key := paused.Fence(), paused.Key()

	clock.Advance(2 * ttl)
	require.Equal(t, "", leader(t, successor), "the key is there, and does not count")
	require.NotEmpty(t, read(t, client, key))
	require.Equal(t, "first", leader(t, paused), "says its own clock")
	clock.Disrupt()
	require.Equal(t, "first", leader(t, successor), "the last one known")
	clock.Resume()

	require.NoError(t, successor.Campaign(t.Context(), "second"))
	require.NoError(t, paused.Lease().Check())
	require.False(t, write(t, client, fence, prefix+"note", "x"))
	require.True(t, write(t, client, successor.Fence(), prefix+"note", "y"))
	err := paused.Proclaim(t.Context(), "third")
	require.ErrorIs(t, err, concurrency.ErrElectionNotLeader)
	require.ErrorIs(t, err, lease.ErrStaleToken, "etcd has refused it")

	pausedClock.Advance(2 * ttl)
	unasked, cancel := context.WithCancel(t.Context())
	cancel()
	err = paused.Proclaim(unasked, "third")
	require.ErrorIs(t, err, concurrency.ErrElectionNotLeader, "its own clock says so, and etcd is not asked")
	require.ErrorIs(t, err, lease.ErrExpired)
	require.Equal(t, "second", leader(t, paused))

	elected := make(chan error, 1)
	go func() { elected <- paused.Campaign(t.Context(), "third") }()
	require.NoError(t, successor.Resign(t.Context()))
	require.NoError(t, <-elected)
	require.False(t, write(t, client, fence, prefix+"note", "x"), "the fence of the first time in office")
	require.True(t, write(t, client, paused.Fence(), prefix+"note", "z"))
	require.EqualValues(t, 3, paused.Lease().Token())
}

// The answer to the transaction that elects is lost: the candidate finds out, and knows where it was elected.
func TestACampaignWhoseAnswerIsLost(t *testing.T) {
	client, prefix := etcd(t)
	var sent int
	unlucky := meddled(t, client.Endpoints(), func(_ *pb.TxnRequest, _ *pb.TxnResponse, err error) error {
		if sent++; sent == 1 && err == nil {
			return status.Error(codes.Unavailable, "the connection was lost")
		}
		return err
	})
	e, err := epsilonetcd.NewElection(newClock(), unlucky, prefix+"e", 3*time.Second)
	require.NoError(t, err)
	require.NoError(t, e.Campaign(t.Context(), "first"))
	require.EqualValues(t, 1, e.Lease().Token(), "it was elected the first time")
	found, err := client.Get(t.Context(), e.Key())
	require.NoError(t, err)
	require.Len(t, found.Kvs, 1)
	require.Equal(t, found.Kvs[0].CreateRevision, e.Rev())
	require.NoError(t, e.Resign(t.Context()))
}

// Many candidates count, each when it leads. What each reads is what its predecessor has left.
func TestOneLeadsAtATime(t *testing.T) {
	client, prefix := etcd(t)
	clock, key := newClock(), prefix+"sum"
	const candidates, times = 5, 4
	var wg sync.WaitGroup
	for range candidates {
		e := newElection(t, client, clock, prefix+"e")
		wg.Go(func() {
			for range times {
				if err := countOnce(t.Context(), client, e, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, fmt.Sprint(candidates*times), read(t, client, key))
}

func countOnce(ctx context.Context, client *clientv3.Client, e *epsilonetcd.Election, key string) error {
	if err := e.Campaign(ctx, ""); err != nil {
		return err
	}
	fence := e.Fence()
	response, err := client.Get(ctx, key)
	if err != nil {
		return err
	}
	sum := 0
	if len(response.Kvs) > 0 {
		if sum, err = strconv.Atoi(string(response.Kvs[0].Value)); err != nil {
			return err
		}
	}
	ok, err := put(ctx, client, fence, key, fmt.Sprint(sum+1))
	if err != nil || !ok {
		return fmt.Errorf("the leader was refused: %w", err)
	}
	return e.Resign(ctx)
}

// While both elections are in use candidates of either wait for a leader of the other.
func TestThereIsOneLeaderBesideConcurrency(t *testing.T) {
	client, prefix := etcd(t)
	session, err := concurrency.NewSession(client)
	require.NoError(t, err)
	defer session.Close()
	theirs := concurrency.NewElection(session, prefix+"e")
	refused := &countdown{n: 2, call: func() {}} // one that TryAcquire returns, and one that is outlasted
	watched := meddled(t, client.Endpoints(), func(_ *pb.TxnRequest, reply *pb.TxnResponse, err error) error {
		if err == nil && !reply.Succeeded {
			refused.down()
		}
		return err
	})
	ours, err := epsilonetcd.NewElection(newClock(), watched, prefix+"e", 3*time.Second)
	require.NoError(t, err)
	require.NoError(t, theirs.Campaign(t.Context(), "theirs"))
	until, cancel := context.WithCancel(t.Context())
	defer cancel()
	refused.call = cancel
	err = ours.Campaign(until, "ours")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "candidates of concurrency.Election")
	require.Equal(t, "theirs", leader(t, theirs))

	elected := make(chan error, 1)
	go func() { elected <- ours.Campaign(t.Context(), "ours") }()
	require.NoError(t, theirs.Resign(t.Context()))
	require.NoError(t, <-elected)

	go func() { elected <- theirs.Campaign(t.Context(), "theirs") }()
	require.Eventually(t, func() bool {
		response, err := client.Get(t.Context(), prefix+"e/", clientv3.WithPrefix())
		return err == nil && len(response.Kvs) == 2
	}, startLimit, time.Millisecond)
	require.True(t, write(t, client, ours.Fence(), prefix+"note", "x"))
	require.Equal(t, "ours", leader(t, theirs), "their candidate sees our leader, and waits")
	require.NoError(t, ours.Resign(t.Context()))
	require.NoError(t, <-elected)
	require.Equal(t, "theirs", leader(t, theirs))
}

// countdown calls when it has counted down.
type countdown struct {
	mu   sync.Mutex
	n    int
	call func()
}

func (c *countdown) down() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 {
		c.call()
	}
}

func TestWhatCannotBeElectedIsTold(t *testing.T) {
	client, prefix := etcd(t)
	clock := newClock()
	for name, size := range map[string]int{"for etcd": 1_600_000, "for the client": 2_200_000} {
		e := newElection(t, client, clock, prefix+name)
		err := e.Campaign(t.Context(), strings.Repeat("x", size))
		require.ErrorIs(t, err, lease.ErrPermanent, name)
		require.ErrorContains(t, err, "more than a request may have")
		require.NoError(t, e.Campaign(t.Context(), "less"))
		if name == "for etcd" {
			require.ErrorIs(t, e.Proclaim(t.Context(), strings.Repeat("x", size)), rpctypes.ErrRequestTooLarge)
		}
		require.NoError(t, e.Proclaim(t.Context(), "little"))
	}

	for _, bad := range []string{"", "a\x00", "\xff", "a#", "a%", strings.Repeat("x", lease.MaxName+1)} {
		_, err := epsilonetcd.NewElection(clock, client, bad, ttl)
		require.Error(t, err, "%.20q", bad)
	}
	_, err := epsilonetcd.NewElection(clock, client, "e", 0)
	require.ErrorContains(t, err, "TTL of 0s")
	_, err = epsilonetcd.NewElection(nil, client, "e", ttl)
	require.ErrorContains(t, err, "clock")
	_, err = epsilonetcd.NewElection(clock, nil, "e", ttl)
	require.ErrorContains(t, err, "client is nil")
}

// A campaign that is given up leaves nothing behind.
func TestACampaignThatIsGivenUpLeavesNothing(t *testing.T) {
	client, prefix := etcd(t)
	clock := newClock()
	a, b := newElection(t, client, clock, prefix+"e"), newElection(t, client, clock, prefix+"e")
	require.NoError(t, a.Campaign(t.Context(), "a"))
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := b.Campaign(short, "b")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Nil(t, b.Lease())
	require.Empty(t, b.Key())
	require.Zero(t, b.Rev())
	require.NoError(t, b.Resign(t.Context()))
	require.NoError(t, a.Resign(t.Context()))
	response, err := client.Get(t.Context(), prefix+"e", clientv3.WithPrefix())
	require.NoError(t, err)
	require.Len(t, response.Kvs, 1, "the record alone")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, a.Campaign(t.Context(), "a"))
	require.ErrorIs(t, a.Resign(ended), context.Canceled)
	require.Nil(t, a.Lease(), "it does not lead in any case")
}

// What was watched is compacted while nobody listens: the channel goes on with the present leader.
func TestObserveGoesOnBehindACompaction(t *testing.T) {
	c := newCluster(t, 1)
	client := connect(t, c.endpoints()...)
	e := newElection(t, client, newClock(), "e")
	require.NoError(t, e.Campaign(t.Context(), "0"))
	seen := e.Observe(t.Context())
	require.Equal(t, "0", string((<-seen).Kvs[0].Value))

	watching, stop := context.WithCancel(t.Context())
	late := e.Observe(watching)
	// Whoever has not been listened to yet has not begun to watch.
	for i := 1; i <= 5; i++ {
		require.NoError(t, e.Proclaim(t.Context(), fmt.Sprint(i)))
		require.Equal(t, fmt.Sprint(i), string((<-seen).Kvs[0].Value))
	}
	_, err := client.Compact(t.Context(), e.Header().Revision)
	require.NoError(t, err)
	first := string((<-late).Kvs[0].Value)
	if first != "5" { // it had looked before, and then was behind the compaction
		require.Equal(t, "5", string((<-late).Kvs[0].Value))
	}
	require.NoError(t, e.Proclaim(t.Context(), "6"))
	require.Equal(t, "6", string((<-late).Kvs[0].Value))
	stop()
	for range late {
	}
}
