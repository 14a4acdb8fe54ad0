package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
