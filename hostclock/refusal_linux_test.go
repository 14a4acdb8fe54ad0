package hostclock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/truetime"
)

// bytesOf is the content of a segment file.
func bytesOf(words [segmentWords]uint64) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&words)), segmentBytes)...)
}

// Each kind of file that cannot be used has one error, which names the path and says what to do.
func TestASegmentThatCannotBeUsedIsRefusedWithOneClearError(t *testing.T) {
	good := func(t *testing.T) (header, record) { return headerHere(t), truthful(newRand(), 1e9) }
	words := func(change func(*[segmentWords]uint64)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			h, r := good(t)
			w := segmentOf(h, r)
			change(&w)
			require.NoError(t, os.WriteFile(path, bytesOf(w), 0o644))
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		is   error
		says string
	}{
		{"missing", func(*testing.T, string) {}, fs.ErrNotExist, "start epsilon serve"},
		{"empty", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o644)) }, ErrForeign, "0 bytes"},
		{"short", func(t *testing.T, path string) {
			h, r := good(t)
			require.NoError(t, os.WriteFile(path, bytesOf(segmentOf(h, r))[:segmentBytes-1], 0o644))
		}, ErrForeign, "4095 bytes"},
		{"a directory", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o755)) }, ErrForeign, "regular file"},
		{"a pipe", func(t *testing.T, path string) { require.NoError(t, unix.Mkfifo(path, 0o644)) }, ErrForeign, "regular file"},
		{"foreign", words(func(w *[segmentWords]uint64) { w[wordMagic] = 0x4e5a4d4100024243 }), ErrForeign, "begins with"},
		{"all zero", words(func(w *[segmentWords]uint64) { *w = [segmentWords]uint64{} }), ErrForeign, "begins with"},
		{"newer", words(func(w *[segmentWords]uint64) { w[wordVersions] = 2 | 3<<32 }), ErrVersion, "build it with a newer release"},
		{"older", words(func(w *[segmentWords]uint64) { w[wordVersions] = 0 }), ErrVersion, "update the daemon"},
		{"another size", words(func(w *[segmentWords]uint64) { w[wordSize] = 8192 }), ErrForeign, "8192 bytes"},
		{"another boot", words(func(w *[segmentWords]uint64) { w[wordBoot]++ }), ErrOtherBoot, "a container with a boot id of its own"},
		{"never written", words(func(w *[segmentWords]uint64) { w[wordGeneration] = 0 }), ErrForeign, "nothing has been published"},
		{"a record of another publication", words(func(w *[segmentWords]uint64) { w[slot(1)+recordGeneration] = 3 }), ErrForeign, "in the place of"},
		{"a state that is not known", words(func(w *[segmentWords]uint64) { w[slot(1)+recordKinds] |= 0xff }), ErrForeign, "state 255"},
		{"a counter that is not known", words(func(w *[segmentWords]uint64) { w[slot(1)+recordKinds] |= 0xff << kindCounter }), ErrForeign, "counter 255"},
		{"a scale that is not known", words(func(w *[segmentWords]uint64) { w[slot(1)+recordKinds] |= 0xff << kindScale }), ErrForeign, "scale 255"},
		{"lines upside down", words(func(w *[segmentWords]uint64) { w[slot(1)+recordLower+1] += 1e9 }), ErrForeign, "upside down"},
		{"a line out of range", words(func(w *[segmentWords]uint64) { w[slot(1)+recordUpper] += 1e9 }), ErrForeign, "out of range"},
		{"absurd ticks", words(func(w *[segmentWords]uint64) { w[slot(1)+recordMultiplier] = 1 }), ErrForeign, "not credible"},
		{"another time namespace", words(func(w *[segmentWords]uint64) { w[wordMonotonicOffset] += uint64(time.Hour) }), ErrCounter, "time namespace"},
		{"others may write it", func(t *testing.T, path string) {
			h, r := good(t)
			require.NoError(t, os.WriteFile(path, bytesOf(segmentOf(h, r)), 0o644))
			require.NoError(t, os.Chmod(path, 0o664))
		}, ErrOwner, "chmod go-w"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := clockPath(t)
			c.make(t, path)
			_, err := Open(path)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// The file has to belong to root, to the reader, or to the owner of a directory that only they can write.
func TestWhoseSegmentIsTrusted(t *testing.T) {
	me := unix.Geteuid()
	dir := t.TempDir()
	var directory unix.Stat_t
	require.NoError(t, unix.Stat(dir, &directory))
	path := filepath.Join(dir, "clock")
	file := func(uid uint32, mode uint32) *unix.Stat_t { return &unix.Stat_t{Uid: uid, Mode: unix.S_IFREG | mode} }

	trusted := owners{anyOwner}
	require.NoError(t, trusted.check(path, file(0, 0o644)))
	require.NoError(t, trusted.check(path, file(uint32(me), 0o644)))
	stranger := uint32(me) + 12345
	err := trusted.check(path, file(stranger, 0o644))
	require.ErrorIs(t, err, ErrOwner)
	require.ErrorContains(t, err, "WithOwner")
	require.ErrorIs(t, trusted.check(path, file(0, 0o646)), ErrOwner)

	// Only root can give a directory away.
	if me == 0 {
		require.NoError(t, os.Chown(dir, int(stranger), -1))
		for mode, is := range map[os.FileMode]error{0o755: nil, 0o775: ErrOwner, 0o757: ErrOwner} {
			require.NoError(t, os.Chmod(dir, mode))
			require.ErrorIs(t, trusted.check(path, file(stranger, 0o644)), is, "directory of mode %v", mode)
		}
	}

	only := owners{int(stranger)}
	require.NoError(t, only.check(path, file(stranger, 0o644)))
	require.ErrorIs(t, only.check(path, file(0, 0o644)), ErrOwner)
}

// What has happened to the machine since the record was written shows when a reader looks.
func TestADisruptionWhileTheDaemonIsDeadIsRefused(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	c := open(t, w.path)
	requireTrue(t, c)

	// A suspend: the machine has been suspended for longer than the record knows.
	w.write(func(r *record) {
		r.Counter.SuspensionKnown, r.Counter.SuspendedLeast, r.Counter.SuspendedMost = true, -2*time.Hour, -2*time.Hour
	})
	look(c)
	_, err := c.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorContains(t, err, "suspended for about")
	_, err = c.NowTAI()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.Equal(t, truetime.Unsynchronized, c.Status().State)
	_, err = Open(w.path)
	require.NoError(t, err, "the daemon may be about to notice")

	// The daemon has noticed, and publishes an epoch that began after it.
	w.write(func(r *record) { r.Epoch = 2 })
	requireTrue(t, c)

	// The kernel keeps time by something else.
	w.write(func(r *record) { r.Epoch, r.Counter.Clocksource = 3, 12345 })
	if _, err := os.Stat("/sys/devices/system/clocksource/clocksource0/current_clocksource"); err == nil {
		_, err := c.Now()
		require.ErrorContains(t, err, "changed its clocksource")
	}
}

// A record that makes no sense is refused, and the next good one is used.
func TestARecordThatMakesNoSenseIsRefused(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	c := open(t, w.path)
	requireTrue(t, c)
	w.write(func(r *record) { r.Shown.Lower.Time += 1e9 })
	_, err := c.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorContains(t, err, "upside down")
	w.write(nil)
	requireTrue(t, c)
}

// What the host's clock refuses is refused with its error.
func TestWhatTheHostsClockRefusesIsRefused(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	c := open(t, w.path)
	for state, is := range map[truetime.State]error{
		truetime.Unsynchronized: truetime.ErrNotSynchronized,
		truetime.ClockFaulty:    truetime.ErrClockFaulty,
	} {
		w.write(func(r *record) { r.State, r.Answers = uint8(state), false })
		_, err := c.Now()
		require.ErrorIs(t, err, is)
		require.ErrorContains(t, err, w.path)
		require.Equal(t, state, c.Status().State)
		require.False(t, c.After(0) || c.Before(1<<62))
	}
	w.write(func(r *record) { r.MaxWidth = 0 })
	_, err := c.Now()
	require.ErrorIs(t, err, truetime.ErrUncertaintyTooLarge)
	w.write(func(r *record) { r.TAIKnown = false })
	_, err = c.Now()
	require.NoError(t, err)
	_, err = c.NowTAI()
	require.ErrorIs(t, err, truetime.ErrTAIUnknown)

	require.NoError(t, c.Close())
	_, err = c.Now()
	require.Equal(t, truetime.ErrClosed, err)
	require.Equal(t, truetime.Closed, c.Status().State)
}

func TestAClockThatWasNotMadeIsClosed(t *testing.T) {
	for _, c := range []*Clock{nil, {}} {
		_, err := c.Now()
		require.ErrorIs(t, err, truetime.ErrClosed)
		_, err = c.NowTAI()
		require.ErrorIs(t, err, truetime.ErrClosed)
		require.Equal(t, truetime.Closed, c.Status().State)
		require.Nil(t, c.Changed())
		require.NoError(t, c.Close())
	}
	for _, p := range []*Publisher{nil, {}} {
		require.ErrorIs(t, p.Err(), truetime.ErrClosed)
		require.Zero(t, p.Published())
		require.NoError(t, p.Close())
	}
	_, err := NewPublisher(nil, clockPath(t))
	require.Error(t, err)
	_, err = NewPublisher(new(truetime.Clock), clockPath(t))
	require.True(t, errors.Is(err, truetime.ErrClosed), err)
}
