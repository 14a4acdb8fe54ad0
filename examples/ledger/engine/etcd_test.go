package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func openEtcd(t *testing.T) Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("starts etcd")
	}
	l, closeAll, err := StartMembers(t.Context(), t.TempDir(), 1)
	require.NoError(t, err)
	t.Cleanup(closeAll)
	e, err := OpenEtcd(t.Context(), l.Clients...)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEtcdWithoutQuorumIsReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := OpenEtcd(ctx, "127.0.0.1:1")
	require.ErrorContains(t, err, "no quorum")
}

// Two members of three are gone: nothing is read or written, and once they are back all is there
// that was acknowledged. What was open when they went is written or not, and not twice.
func TestLostQuorumIsReportedAndLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts etcd")
	}
	l, err := NewLayout(3)
	require.NoError(t, err)
	defer l.Release()
	folder := t.TempDir()
	begin := func(i int) *Member {
		m, err := StartMember(folder+"/"+l.Name(i), l.Name(i), l.Clients[i], l.Peers[i], l.Cluster())
		require.NoError(t, err)
		return m
	}
	members := []*Member{begin(0), begin(1), begin(2)}
	e, err := OpenEtcd(t.Context(), l.Clients...)
	require.NoError(t, err)
	defer e.Close()
	require.NoError(t, e.Apply(t.Context(), Batch{Put: []Pair{{"a", []byte("1")}}}))

	members[0].Close()
	members[1].Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = e.Read(ctx, Key("a"))
	require.ErrorContains(t, err, "no quorum")
	err = e.Apply(ctx, Batch{If: []Condition{{"a", []byte("1")}}, Put: []Pair{{"a", []byte("2")}}})
	require.ErrorContains(t, err, "no quorum")
	require.NotErrorIs(t, err, ErrConflict, "that would say that it was not written")

	members[0], members[1] = begin(0), begin(1)
	defer func() {
		for _, m := range members {
			m.Close()
		}
	}()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		found, err := e.Read(ctx, Key("a"))
		return err == nil && len(found[0]) == 1
	}, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, e.Apply(t.Context(), Batch{Put: []Pair{{"b", []byte("1")}}}))
}

// A proxy answers DeadlineExceeded to a transaction that etcd has carried out, and clientv3 sends it again: what
// refuses the second attempt is what the first has written.
func TestATransactionThatWasSentTwiceIsNoConflict(t *testing.T) {
	e := openEtcd(t).(*Etcd)
	var lost atomic.Bool
	losing := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		err := invoke(ctx, method, request, reply, conn, options...)
		if _, is := request.(*pb.TxnRequest); is && err == nil && lost.CompareAndSwap(false, true) {
			return status.Error(codes.DeadlineExceeded, "says a proxy")
		}
		return err
	}
	unlucky, err := openEtcdWith(t.Context(), e.endpoints, grpc.WithChainUnaryInterceptor(losing))
	require.NoError(t, err)
	t.Cleanup(func() { unlucky.Close() })
	batch := Batch{If: []Condition{{Key: "decided"}}, Put: []Pair{{"decided", []byte("yes")}}}
	err = unlucky.Apply(t.Context(), batch)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrConflict, "that would say that it was not written")
	t.Log(err)
	found, err := e.Read(t.Context(), Key("decided"))
	require.NoError(t, err)
	require.Equal(t, "yes", string(found[0][0].Value), "it was")
	require.ErrorIs(t, unlucky.Apply(t.Context(), batch), ErrConflict, "and of one that was sent once that is known")
}
