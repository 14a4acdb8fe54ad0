package engine

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/lease/leasetest"
)

// What goroutines are left over is looked at without etcd, whose members leave connections to each
// other behind for a while after they have been closed.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		goleak.VerifyTestMain(m)
	}
	os.Exit(m.Run())
}

func openPebble(t *testing.T, files vfs.FS) *Pebble {
	t.Helper()
	p, err := OpenPebble("data", files, func(text string) { panic(text) })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func openRemote(t *testing.T) Engine {
	t.Helper()
	server := httptest.NewServer(Handler(openPebble(t, vfs.NewMem())))
	t.Cleanup(server.Close)
	r := NewRemote(server.URL)
	t.Cleanup(func() { r.Close() })
	return r
}

func engines(t *testing.T, check func(t *testing.T, e Engine)) {
	t.Run("pebble", func(t *testing.T) { check(t, openPebble(t, vfs.NewMem())) })
	t.Run("remote", func(t *testing.T) { check(t, openRemote(t)) })
	t.Run("etcd", func(t *testing.T) { check(t, openEtcd(t)) })
}

func TestBatchIsWrittenOnlyIfEveryConditionHolds(t *testing.T) {
	engines(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		require.NoError(t, e.Apply(ctx, Batch{If: []Condition{{Key: "a"}}, Put: []Pair{{"a", []byte("1")}}}))
		for _, c := range [][]Condition{{{Key: "a"}}, {{"a", []byte("2")}}, {{"a", []byte("1")}, {"b", []byte("1")}}, {{"b", []byte("")}}} {
			require.ErrorIs(t, e.Apply(ctx, Batch{If: c, Put: []Pair{{"c", []byte("1")}}}), ErrConflict, "%v", c)
		}
		require.NoError(t, e.Apply(ctx, Batch{If: []Condition{{"a", []byte("1")}, {Key: "b"}}, Put: []Pair{{"c", []byte("3")}}, Delete: []string{"a"}}))
		found, err := e.Read(ctx, Range{From: "a", To: "z"}, Key("c"))
		require.NoError(t, err)
		require.Equal(t, [][]Pair{{{"c", []byte("3")}}, {{"c", []byte("3")}}}, found)
	})
}

func TestRangeIsReadInOrderAndUpToItsLimit(t *testing.T) {
	engines(t, func(t *testing.T, e Engine) {
		var b Batch
		for i := range 20 {
			b.Put = append(b.Put, Pair{fmt.Sprintf("k/%02d", 19-i), []byte{byte(i)}})
		}
		require.NoError(t, e.Apply(t.Context(), b))
		found, err := e.Read(t.Context(), Range{From: "k/05", To: "k/99", Limit: 2}, Prefix("k/"), Prefix("l/"))
		require.NoError(t, err)
		require.Equal(t, []Pair{{"k/05", []byte{14}}, {"k/06", []byte{13}}}, found[0])
		require.Len(t, found[1], 20)
		require.Empty(t, found[2])
	})
}

// Of all who want to replace the same value one succeeds.
func TestConcurrentConditionsAdmitOne(t *testing.T) {
	engines(t, func(t *testing.T, e Engine) {
		for round := range 20 {
			var won atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if e.Apply(context.Background(), Batch{If: []Condition{{Key: fmt.Sprint(round)}}, Put: []Pair{{fmt.Sprint(round), []byte("x")}}}) == nil {
						won.Add(1)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, 1, won.Load())
		}
	})
}

func TestWhatWasAppliedOrReadSurvivesACrash(t *testing.T) {
	files := vfs.NewCrashableMem()
	p := openPebble(t, files)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 20 {
				key := fmt.Sprintf("%d/%d", i, n)
				if p.Apply(context.Background(), Batch{Put: []Pair{{key, []byte("x")}}}) != nil {
					t.Error("apply failed")
				}
			}
		})
	}
	for range 10 {
		read, err := p.Read(t.Context(), Range{From: "0", To: "9"})
		require.NoError(t, err)
		after := openPebble(t, files.CrashClone(vfs.CrashCloneCfg{}))
		for _, pair := range read[0] {
			found, err := after.Read(t.Context(), Key(pair.Key))
			require.NoError(t, err)
			require.Len(t, found[0], 1, "%s was shown and then lost", pair.Key)
		}
	}
	all.Wait()
	after := openPebble(t, files.CrashClone(vfs.CrashCloneCfg{}))
	found, err := after.Read(t.Context(), Range{From: "0", To: "9"})
	require.NoError(t, err)
	require.Len(t, found[0], 160)
}

func TestDataOfAnotherFormatIsRefusedAndLeftAlone(t *testing.T) {
	engines(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		require.NoError(t, CheckFormat(ctx, e, 3))
		require.NoError(t, CheckFormat(ctx, e, 3))
		require.ErrorIs(t, CheckFormat(ctx, e, 4), ErrFormat)
		require.NoError(t, e.Apply(ctx, Batch{Put: []Pair{{"x", []byte("y")}}, Delete: []string{formatKey}}))
		require.ErrorIs(t, CheckFormat(ctx, e, 3), ErrFormat)
	})
}

func TestLeases(t *testing.T) {
	t.Run("pebble", func(t *testing.T) {
		leasetest.TestStore(t, func(t *testing.T) lease.Store { return openPebble(t, vfs.NewMem()).Leases() })
	})
	t.Run("remote", func(t *testing.T) {
		leasetest.TestStore(t, func(t *testing.T) lease.Store { return openRemote(t).Leases() })
	})
	t.Run("etcd", func(t *testing.T) {
		leasetest.TestStore(t, func(t *testing.T) lease.Store { return openEtcd(t).Leases() })
	})
}
