package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// contains requires that an answer contains the wall clock, which is what the servers of these tests serve.
func contains(t testing.TB, read func() (truetime.Interval, error)) {
	t.Helper()
	before := truetime.FromStd(time.Now())
	i, err := read()
	after := truetime.FromStd(time.Now())
	require.NoError(t, err)
	require.True(t, i.Overlaps(truetime.Interval{Earliest: before, Latest: after}), "%v, and it is %v to %v", i, before, after)
}

func TestEveryProcessReadsTheClockThroughReloadsAndDeaths(t *testing.T) {
	dir := t.TempDir()
	a, b := ntpServer(t), ntpServer(t)
	path, socket := filepath.Join(dir, "epsilon.toml"), filepath.Join(dir, "socket")
	segment := filepath.Join(dir, "clock")
	rewrite(t, path, "", a)
	daemon, log := start(t, exe(t), socket, "--config", path)
	s := served{socket: socket}
	require.Equal(t, segment, s.report(t).Daemon.Segment)
	clock, err := hostclock.Open(segment)
	require.NoError(t, err)
	defer clock.Close()
	contains(t, clock.Now)

	rewrite(t, path, "", b)
	require.Equal(t, 0, s.ask(t, "reload").code)
	for s.sources(t)[0] != b {
		contains(t, clock.Now)
	}
	contains(t, clock.Now)

	require.NoError(t, daemon.Process.Kill())
	_ = daemon.Wait()
	contains(t, clock.Now) // holdover
	require.Equal(t, 0, epsilon(t, "now", "--segment", segment).code, log)
	require.Equal(t, 2, s.ask(t, "now").code)
	require.Contains(t, s.ask(t, "now").errors, "one that has ended has left the socket behind")

	start(t, exe(t), socket, "--config", path) // in the place of the socket and segment that were left behind
	contains(t, clock.Now)
	require.Eventually(t, func() bool { return clock.Status().Daemon == hostclock.Running }, 20*time.Second, 20*time.Millisecond)
	contains(t, clock.Now)
}

func TestWaitAndNowReadTheSegmentAlone(t *testing.T) {
	s := serve(t, "--demo")
	segment := filepath.Join(filepath.Dir(s.socket), "clock")
	waited := epsilon(t, "wait", "--segment", segment, "--within", "1s", "--timeout", "20s")
	require.Equal(t, 0, waited.code, waited.errors)
	require.Contains(t, waited.out, "at most 1s")
	late := epsilon(t, "wait", "--segment", segment, "--within", "1ns", "--timeout", "50ms")
	require.Equal(t, 1, late.code)
	oneSentence(t, late.errors)
	require.Contains(t, epsilon(t, "now", "--segment", segment).out, "±")

	refused := serve(t, "--config", configOf(t, "127.0.0.1:9")) // where nobody answers
	published := filepath.Join(filepath.Dir(refused.socket), "clock")
	require.Eventually(t, func() bool { return epsilon(t, "now", "--segment", published).code == 1 }, 20*time.Second, 20*time.Millisecond)
	unsynchronized := epsilon(t, "wait", "--segment", published, "--timeout", "10ms")
	require.Equal(t, 1, unsynchronized.code)
	oneSentence(t, unsynchronized.errors)

	none := epsilon(t, "wait", "--segment", filepath.Join(t.TempDir(), "none"), "--timeout", "10ms")
	require.Equal(t, 2, none.code)
	oneSentence(t, none.errors)
	foreign := filepath.Join(t.TempDir(), "foreign")
	require.NoError(t, os.WriteFile(foreign, []byte("no segment"), 0o644))
	for _, command := range []string{"wait", "now"} {
		r := epsilon(t, command, "--segment", foreign)
		require.Equal(t, 2, r.code)
		oneSentence(t, r.errors)
	}
}

func TestSegmentCanBeTurnedOffAndIsMadeAnew(t *testing.T) {
	path := configOf(t)
	rewrite(t, path, "segment = \"\"", ntpServer(t))
	off := serve(t, "--config", path)
	require.Equal(t, 0, off.ask(t, "wait").code)
	require.Empty(t, off.report(t).Daemon.Segment)
	require.NoFileExists(t, filepath.Join(filepath.Dir(off.socket), "clock"))

	on := serve(t, "--demo")
	require.Equal(t, 0, on.ask(t, "wait").code) // it listens before it publishes
	segment := filepath.Join(filepath.Dir(on.socket), "clock")
	require.NoError(t, os.Remove(segment))
	require.Eventually(t, func() bool { return epsilon(t, "now", "--segment", segment).code == 0 }, 20*time.Second, 20*time.Millisecond)
}

func TestSegmentThatAnotherPublishes(t *testing.T) {
	running := serve(t, "--demo")
	require.Equal(t, 0, running.ask(t, "wait").code) // it listens before it publishes
	path := configOf(t)
	rewrite(t, path, "segment = \""+filepath.Join(filepath.Dir(running.socket), "clock")+"\"", "127.0.0.1:9")
	r := epsilon(t, "serve", "--config", path, "--socket", filepath.Join(t.TempDir(), "socket"))
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "somebody else publishes there")
}

func TestClockBoundsOwnClientsAreServedIfItIsConfigured(t *testing.T) {
	path := configOf(t)
	segment := filepath.Join(filepath.Dir(path), "shm0")
	rewrite(t, path, "[clockbound]\nmax_slew_ppm = 0\npath = \""+segment+"\"", ntpServer(t))
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	source := clockbound.Source(segment)
	counter, err := monotonic.System()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		sample, err := source.Sample(t.Context(), counter)
		return err == nil && sample.Claim < time.Second
	}, 20*time.Second, 50*time.Millisecond)

	rewrite(t, path, "[clockbound]\nmax_slew_ppm = 0\npath = \""+segment+"\"", ntpServer(t))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("[clock]\n"), []byte("[clock]\ndrift_ppm = 500\n"), 1), 0o644))
	refused := s.ask(t, "reload")
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.errors, "restart the daemon")

	another, err := os.OpenFile(segment, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer another.Close()
	_, err = another.WriteAt([]byte{0x10, 0x20}, 14) // the generation
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(s.ask(t, "status", "--json").out, "another process writes it") }, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(s.ask(t, "doctor").out, "ClockBound's clients are told that nothing is known")
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(s.log.String(), "ClockBound's clients are told that nothing is known")
	}, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, 0, s.stop())
}

func TestRecordingIsReplayedToTheNanosecond(t *testing.T) {
	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	file := filepath.Join(t.TempDir(), "journal")
	recorded := s.ask(t, "record", file)
	require.Equal(t, 0, recorded.code, recorded.errors)
	replay := epsilon(t, "replay", file)
	require.Equal(t, 0, replay.code, replay.errors)
	require.Contains(t, replay.out, "1 epochs")
	require.Contains(t, epsilon(t, "replay", file, "--steps").out, "synchronized")
	require.Contains(t, epsilon(t, "replay", file, "--json").out, `"Steps":`)

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append([]byte("not a journal\n"), text...), 0o644))
	bad := epsilon(t, "replay", file)
	require.Equal(t, 1, bad.code)
	oneSentence(t, bad.errors)
	require.Equal(t, 2, epsilon(t, "replay", file+"-none").code)
	require.Equal(t, 2, epsilon(t, "record", file, "--socket", file+"-none").code)
	require.Equal(t, 1, s.ask(t, "record", filepath.Join(t.TempDir(), "none", "file")).code)
}

// Words of a segment: docs/segment.md.
const (
	wordVersions        = 1
	wordBoot            = 3
	wordMonotonicOffset = 6
)

// Whatever is wrong with a segment, a command says it in one sentence, and ends with 2: nobody can be asked.
func TestASegmentThatCannotBeUsedIsOneSentence(t *testing.T) {
	s := serve(t, "--demo")
	segment := filepath.Join(filepath.Dir(s.socket), "clock")
	require.Equal(t, 0, epsilon(t, "wait", "--segment", segment, "--within", "1h").code)
	good, err := os.ReadFile(segment)
	require.NoError(t, err)
	word := func(at int, change func(uint64) uint64) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.NativeEndian.PutUint64(b[8*at:], change(binary.NativeEndian.Uint64(b[8*at:])))
			return b
		}
	}
	for name, c := range map[string]struct {
		change func([]byte) []byte
		mode   os.FileMode
		want   string
	}{
		"other boot":    {word(wordBoot, func(w uint64) uint64 { return w + 1 }), 0o644, "before the machine was started last"},
		"other counter": {word(wordMonotonicOffset, func(w uint64) uint64 { return w + 3600e9 }), 0o644, "CLOCK_MONOTONIC_RAW is"},
		"newer version": {word(wordVersions, func(uint64) uint64 { return 2 | 3<<32 }), 0o644, "build it with a newer release"},
		"short":         {func(b []byte) []byte { return b[:4095] }, 0o644, "it has 4095 bytes"},
		"wrong owner":   {func(b []byte) []byte { return b }, 0o666, "chmod go-w"},
	} {
		path := filepath.Join(t.TempDir(), "clock")
		require.NoError(t, os.WriteFile(path, c.change(bytes.Clone(good)), c.mode))
		require.NoError(t, os.Chmod(path, c.mode))
		for _, command := range []string{"now", "wait"} {
			r := epsilon(t, command, "--segment", path)
			require.Equal(t, 2, r.code, "%s: %s: %s", name, command, r.errors)
			require.Contains(t, r.errors, c.want, name)
			require.Contains(t, r.errors, path, name)
			oneSentence(t, r.errors)
		}
	}
}
