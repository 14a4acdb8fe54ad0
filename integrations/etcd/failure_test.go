package epsilonetcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
	"github.com/epsilontime/epsilon/lease"
)

var firstRecord = lease.Record{Holder: "h", Session: lease.Session{1}, Token: 1, Expiry: 1, TTL: 1}

// A member is killed when it has carried out a transaction and before its answer arrives. What is left of the
// cluster answers, then it has no leader, and then all is well again.
func TestServersThatGo(t *testing.T) {
	c := newCluster(t, 3)
	onlooker := connect(t, c.members[1].endpoint(), c.members[2].endpoint())
	p := newProxy(t, c.members[0])
	clock := newClock()

	t.Run("between a request and its answer", func(t *testing.T) {
		store := newStore(t, connect(t, p.endpoint()), "a/")
		p.withhold()
		swapped := make(chan error, 1)
		go func() {
			_, err := store.CompareAndSwap(t.Context(), "writer", 0, firstRecord)
			swapped <- err
		}()
		require.Eventually(t, func() bool { return read(t, onlooker, "a/writer") != "" }, startLimit, time.Millisecond)
		c.members[0].kill()
		err := <-swapped
		require.Error(t, err)
		require.NotErrorIs(t, err, lease.ErrConflict, "that would say that it was not carried out")
		require.NotErrorIs(t, err, lease.ErrPermanent)
		t.Log(err)
		found, err := newStore(t, onlooker, "a/").Load(t.Context(), "writer")
		require.NoError(t, err)
		require.Equal(t, firstRecord.Session, found.Session)
	})

	require.NoError(t, c.members[0].start())
	p.pass()
	t.Run("while a lease is acquired", func(t *testing.T) {
		store := newStore(t, connect(t, p.endpoint()), "b/")
		candidate, err := lease.NewCandidate(clock, store, "writer", 3*time.Second) // by a clock that stands still
		require.NoError(t, err)
		p.withhold()
		type result struct {
			held *lease.Lease
			err  error
		}
		acquired := make(chan result, 1)
		go func() {
			held, err := candidate.Acquire(t.Context())
			acquired <- result{held, err}
		}()
		// The answer to the load is withheld, too, so that one request after the other is given up.
		c.members[0].kill()
		p.pass()
		require.NoError(t, c.members[0].start())
		r := <-acquired
		require.NoError(t, r.err)
		defer r.held.Close()
		require.EqualValues(t, 1, r.held.Token())
	})

	held := acquire(t, clock, newStore(t, connect(t, c.endpoints()...), "c/"), "writer")
	t.Run("so that there is no leader", func(t *testing.T) {
		c.members[0].kill()
		c.members[1].kill()
		store := newStore(t, connectLazily(t, c.endpoints()...), "c/")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := store.Load(ctx, "writer")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "has no quorum, or cannot be reached")
		require.NotErrorIs(t, err, lease.ErrPermanent)
		_, err = store.CompareAndSwap(ctx, "writer", 99, firstRecord)
		require.Error(t, err)
		require.NotErrorIs(t, err, lease.ErrConflict)
		require.NotErrorIs(t, err, lease.ErrPermanent)
		require.Error(t, held.Renew(ctx))

		require.NoError(t, held.Check(), "what is held is known without etcd")
		clock.Advance(2 * ttl)
		require.ErrorIs(t, held.Check(), lease.ErrExpired, "and so is what is not")
	})

	require.NoError(t, c.members[0].start())
	require.NoError(t, c.members[1].start())
	t.Run("and come back", func(t *testing.T) {
		candidate, err := lease.NewCandidate(clock, newStore(t, connect(t, c.endpoints()...), "c/"), "writer", ttl)
		require.NoError(t, err)
		successor, err := candidate.Acquire(t.Context())
		require.NoError(t, err)
		defer successor.Close()
		require.EqualValues(t, 2, successor.Token())
	})
}

func connectLazily(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: silent})
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// A proxy may tell clientv3 that a deadline has passed when etcd has carried the transaction out, and then
// clientv3 sends it again, behind our back. That is no conflict.
func TestATransactionThatIsSentAgainIsNoConflictWithItself(t *testing.T) {
	shared, prefix := etcd(t)
	var sent int
	client := meddled(t, shared.Endpoints(), func(request *pb.TxnRequest, _ *pb.TxnResponse, err error) error {
		if len(request.Success) == 0 || err != nil {
			return err
		}
		if sent++; sent == 1 {
			return status.Error(codes.DeadlineExceeded, "the proxy has lost patience")
		}
		return nil
	})
	store := newStore(t, client, prefix)
	version, err := store.CompareAndSwap(t.Context(), "writer", 0, firstRecord)
	require.NoError(t, err)
	require.Equal(t, 2, sent, "clientv3 has sent it again")
	found, err := store.Load(t.Context(), "writer")
	require.NoError(t, err)
	require.Equal(t, version, found.Version)

	sent = 1
	_, err = store.CompareAndSwap(t.Context(), "writer", 0, firstRecord)
	require.ErrorIs(t, err, lease.ErrConflict, "the same content from somebody else is one")
}

// meddled returns a client between which and etcd somebody may replace the answers to transactions.
func meddled(t testing.TB, endpoints []string, answer func(*pb.TxnRequest, *pb.TxnResponse, error) error) *clientv3.Client {
	t.Helper()
	between := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		err := invoke(ctx, method, request, reply, conn, options...)
		if txn, ok := request.(*pb.TxnRequest); ok {
			return answer(txn, reply.(*pb.TxnResponse), err)
		}
		return err
	}
	client, err := newClient(clientv3.Config{Endpoints: endpoints, DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(between)}})
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// What somebody has to see to is told at once, and what.
func TestWhatWaitingDoesNotMendIsPermanent(t *testing.T) {
	c := newCluster(t, 1)
	root := connect(t, c.endpoints()...)
	acquire := func(store *epsilonetcd.LeaseStore) error {
		candidate, err := lease.NewCandidate(newClock(), store, "writer", ttl)
		require.NoError(t, err)
		held, err := candidate.Acquire(t.Context())
		if err == nil {
			err = held.Release(t.Context())
		}
		return err
	}

	alarm := &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE, Alarm: pb.AlarmType_NOSPACE}
	maintenance := pb.NewMaintenanceClient(root.ActiveConnection())
	_, err := maintenance.Alarm(t.Context(), alarm)
	require.NoError(t, err)
	err = acquire(newStore(t, root, "ours/"))
	require.ErrorIs(t, err, lease.ErrPermanent)
	require.ErrorIs(t, err, rpctypes.ErrNoSpace)
	alarm.Action = pb.AlarmRequest_DEACTIVATE
	_, err = maintenance.Alarm(t.Context(), alarm)
	require.NoError(t, err)
	require.NoError(t, acquire(newStore(t, root, "ours/")))

	for name, kind := range map[string]clientv3.PermissionType{"writer": clientv3.PermissionType(clientv3.PermReadWrite), "reader": clientv3.PermissionType(clientv3.PermRead)} {
		_, err := root.RoleAdd(t.Context(), name)
		require.NoError(t, err)
		_, err = root.RoleGrantPermission(t.Context(), name, "ours/writer", clientv3.GetPrefixRangeEnd("ours/writer"), kind)
		require.NoError(t, err)
		_, err = root.UserAdd(t.Context(), name, "secret")
		require.NoError(t, err)
		_, err = root.UserGrantRole(t.Context(), name, name)
		require.NoError(t, err)
	}
	_, err = root.UserAdd(t.Context(), "root", "secret")
	require.NoError(t, err)
	_, err = root.UserGrantRole(t.Context(), "root", "root")
	require.NoError(t, err)
	_, err = root.AuthEnable(t.Context())
	require.NoError(t, err)
	as := func(user string) *clientv3.Client {
		client, err := clientv3.New(clientv3.Config{Endpoints: c.endpoints(), Username: user, Password: "secret", Logger: silent})
		require.NoError(t, err)
		t.Cleanup(func() { client.Close() })
		return client
	}

	writer, reader := as("writer"), as("reader")
	require.NoError(t, acquire(newStore(t, writer, "ours/")), "the rights that the documentation names suffice")
	err = acquire(newStore(t, writer, "theirs/"))
	require.ErrorIs(t, err, lease.ErrPermanent)
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied)
	require.ErrorContains(t, err, `grant a role of the user to read and write all keys that begin with "theirs/writer"`)
	_, err = newStore(t, reader, "ours/").Load(t.Context(), "writer")
	require.NoError(t, err)
	err = acquire(newStore(t, reader, "ours/"))
	require.ErrorIs(t, err, lease.ErrPermanent)
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied)
	err = acquire(newStore(t, root, "ours/")) // which has no user
	require.ErrorIs(t, err, lease.ErrPermanent)
	require.ErrorIs(t, err, rpctypes.ErrUserEmpty)

	election, err := epsilonetcd.NewElection(newClock(), writer, "ours/writer", ttl)
	require.NoError(t, err)
	require.NoError(t, election.Campaign(t.Context(), "me"), "and for an election")
	require.NoError(t, election.Resign(t.Context()))

	require.NoError(t, writer.Close())
	err = acquire(newStore(t, writer, "ours/"))
	require.ErrorIs(t, err, lease.ErrPermanent)
	require.ErrorContains(t, err, "closed")
}
