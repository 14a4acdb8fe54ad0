package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// refused runs the program, which must end with one sentence, and returns that.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	output, code := ledger(t, args...)
	require.NotZero(t, code, output)
	require.LessOrEqual(t, strings.Count(output, "\n"), 1, output)
	return output
}

func ntp(t *testing.T) (address string) {
	t.Helper()
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s.Address()
}

func open(t *testing.T, folder string) *engine.Pebble {
	t.Helper()
	e, err := engine.OpenPebble(folder, vfs.Default, func(text string) { panic(text) })
	require.NoError(t, err)
	return e
}

func TestBadFlagsAreOneClearSentence(t *testing.T) {
	for want, args := range map[string][]string{
		"a node needs NTP servers":                    {"serve", "-listen", "127.0.0.1:0"},
		"must be like 0/3":                            {"serve", "-home", "3/3"},
		"must be pebble or etcd":                      {"demo", "-engine", "sqlite"},
		"usage: ledger demo|store|member|serve|bench": {"play"},
	} {
		require.Contains(t, refused(t, args...), want)
	}
}

func TestPortInUseIsOneClearSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	folder := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"store", "-dir", folder}, {"serve", "-dir", folder, "-ntp", ntp(t)}} {
		require.Contains(t, refused(t, append(args, "-listen", taken.Addr().String())...), "address already in use; choose another with -listen")
		require.NoDirExists(t, folder, "nothing was begun")
	}
	l, err := engine.NewLayout(1)
	require.NoError(t, err)
	defer l.Release()
	require.Contains(t, refused(t, "member", "-dir", folder, "-listen", taken.Addr().String(), "-peer", l.Peers[0], "-cluster", l.Cluster()), "address already in use")
	require.Contains(t, refused(t, "store", "-dir", folder, "-listen", "256.0.0.1:1"), "choose another with -listen")
}

func TestFolderOfAnotherVersionIsOneClearSentence(t *testing.T) {
	clock := ntp(t)
	for name, stored := range map[string]string{"older": "epsilon-ledger 0, 3 shards", "more shards": "epsilon-ledger 1, 4 shards", "none": ""} {
		folder := filepath.Join(t.TempDir(), "data")
		e := open(t, folder)
		require.NoError(t, e.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: "format", Value: []byte(stored)}, {Key: "other", Value: []byte("x")}}}))
		if stored == "" {
			require.NoError(t, e.Apply(t.Context(), engine.Batch{Delete: []string{"format"}}))
		}
		before, err := e.Read(t.Context(), engine.Range{From: "\x01", To: "\xff"})
		require.NoError(t, err)
		require.NoError(t, e.Close())
		said := refused(t, "serve", "-dir", folder, "-ntp", clock, "-listen", "127.0.0.1:0")
		require.Contains(t, said, "not the data of this ledger", name)
		require.Contains(t, said, stored, name)
		e = open(t, folder)
		after, err := e.Read(t.Context(), engine.Range{From: "\x01", To: "\xff"})
		require.NoError(t, err)
		require.Equal(t, before, after, name)
		require.NoError(t, e.Close())
	}
	// Of a Pebble that is not written yet.
	folder := filepath.Join(t.TempDir(), "data")
	require.NoError(t, open(t, folder).Close())
	found, err := filepath.Glob(filepath.Join(folder, "marker.format-version.*"))
	require.NoError(t, err)
	require.NoError(t, os.Rename(found[0], filepath.Join(folder, "marker.format-version.000099.999")))
	require.Contains(t, refused(t, "store", "-dir", folder, "-listen", "127.0.0.1:0"), "nothing in it was changed")
}

func TestFolderInUseIsOneClearSentence(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	e := open(t, folder)
	require.Contains(t, refused(t, "store", "-dir", folder, "-listen", "127.0.0.1:0"), "in use by another process")
	require.NoError(t, e.Close())
}

// One member of three is there, and nobody at all.
func TestEtcdWithoutQuorumIsOneClearSentence(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts etcd")
	}
	clock := ntp(t)
	l, err := engine.NewLayout(3)
	require.NoError(t, err)
	defer l.Release()
	m, err := engine.StartMember(t.TempDir(), l.Name(0), l.Clients[0], l.Peers[0], l.Cluster())
	require.NoError(t, err)
	defer m.Close()
	for _, at := range []string{l.Clients[0], "127.0.0.1:1"} {
		said := refused(t, "serve", "-engine", "etcd", "-etcd", at, "-ntp", clock, "-listen", "127.0.0.1:0")
		require.Contains(t, said, "has no quorum, or cannot be reached", at)
	}
}

// smallDisk is a folder with room for so many bytes, and a function that makes it larger.
func smallDisk(t *testing.T, size string) (folder string, resize func(size string)) {
	t.Helper()
	folder = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "epsilon-ledger", folder).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small disk, which takes Linux and root: %v: %s", err, out)
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", folder).Run()) })
	return folder, func(size string) {
		require.NoError(t, exec.Command("mount", "-o", "remount,size="+size, folder).Run())
	}
}

// held returns an address that nobody takes but a process of ours that is told that it is held.
func held(t *testing.T) (address string) {
	t.Helper()
	h, err := engine.Hold()
	require.NoError(t, err)
	t.Cleanup(func() { h.Release() })
	return h.Address
}

// startStore starts a store and returns when it answers.
func startStore(t *testing.T, folder string) (c *exec.Cmd, said *strings.Builder, remote *engine.Remote) {
	t.Helper()
	address := held(t)
	c, said = exec.Command(os.Args[0], "store", "-held", "-dir", folder, "-listen", address), new(strings.Builder)
	c.Stderr = said
	require.NoError(t, c.Start())
	remote = engine.NewRemote("http://" + address)
	require.NoError(t, eventually(t.Context(), func() error {
		_, err := remote.Read(t.Context(), engine.Key("format"))
		return err
	}))
	return c, said, remote
}

// The disk fills up under a store. It ends, and says why; with room again all is there that was
// acknowledged.
func TestFullDiskEndsTheStoreAndLosesNothing(t *testing.T) {
	disk, resize := smallDisk(t, "6m")
	folder := filepath.Join(disk, "data")
	c, said, remote := startStore(t, folder)
	value := make([]byte, 48<<10)
	for i := range value {
		value[i] = byte(i*i>>8) ^ byte(i*7) // not all that easy to compress
	}
	acknowledged := 0
	for ; acknowledged < 1000; acknowledged++ {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := remote.Apply(ctx, engine.Batch{Put: []engine.Pair{{Key: fmt.Sprintf("k%04d", acknowledged), Value: value}}})
		cancel()
		if err != nil {
			break
		}
	}
	require.Less(t, acknowledged, 1000, "the disk never filled up")
	require.Error(t, c.Wait())
	remote.Close()
	require.Contains(t, said.String(), "no space left on device")
	require.Contains(t, said.String(), "make room, and start again")
	require.Equal(t, 1, strings.Count(said.String(), "\n"), said.String())

	require.Contains(t, refused(t, "store", "-dir", folder, "-listen", "127.0.0.1:0"), "no space left on device")

	resize("64m")
	c, said, remote = startStore(t, folder)
	defer remote.Close()
	found, err := remote.Read(t.Context(), engine.Prefix("k"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(found[0]), acknowledged)
	for i, pair := range found[0] {
		require.Equal(t, fmt.Sprintf("k%04d", i), pair.Key)
		require.Equal(t, value, pair.Value)
	}
	require.NoError(t, remote.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: "more", Value: value}}}))
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	require.NoError(t, c.Wait(), said.String())
}
