package clockbound

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// memoryFile is the path of a segment in memory, as a daemon keeps it, or skips the test.
func memoryFile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "clockbound")
	if err != nil {
		t.Skipf("no file system in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var on unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &on))
	if on.Type != unix.TMPFS_MAGIC {
		t.Skip("/dev/shm is not in memory")
	}
	return filepath.Join(dir, "shm0")
}

func coarse(t testing.TB) int64 {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &now))
	return now.Nano()
}

// write puts a segment in the place of what is there.
func write(t testing.TB, path string, c content) {
	t.Helper()
	s := c.encode(2)
	require.NoError(t, os.WriteFile(path+".test", s[:], 0o644))
	require.NoError(t, os.Rename(path+".test", path))
}

// present is what a daemon says now.
func present(t testing.TB, bound time.Duration) content {
	now := coarse(t)
	return content{asOf: now, voidAfter: now + int64(1000*time.Second), bound: bound, driftPPB: 50_000, status: statusSynchronized}
}

func system(t testing.TB) monotonic.Counter {
	t.Helper()
	c, err := monotonic.System()
	require.NoError(t, err)
	return c
}

func TestSourceReadsThisHostsClocksAndFindsAFileThatWasReplaced(t *testing.T) {
	path := memoryFile(t)
	source, counter := Source(path), system(t)
	_, err := source.Sample(t.Context(), counter)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, bound := range []time.Duration{time.Millisecond, time.Second} {
		write(t, path, present(t, bound))
		before := time.Now()
		s, err := source.Sample(t.Context(), counter)
		after := time.Now()
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.Claim, bound)
		require.Less(t, s.Age, time.Hour)
		require.Equal(t, s.Claim*2, s.Latest.Sub(s.Earliest))
		middle := s.Earliest.Add(s.Claim)
		require.GreaterOrEqual(t, middle, truetime.FromStd(before))
		require.LessOrEqual(t, middle, truetime.FromStd(after))
	}
}

func TestWhatIsNoFileIsRefusedAndNothingIsWaitedFor(t *testing.T) {
	dir, pipe := t.TempDir(), filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{dir, pipe} {
		_, err := Source(path).Sample(t.Context(), system(t))
		require.ErrorContains(t, err, "it is no regular file")
	}
}

// The file is never mapped, so it may lose its content at any moment.
func TestFileThatIsTruncatedMeanwhileDoesNotKill(t *testing.T) {
	path := memoryFile(t)
	source, counter := Source(path), system(t)
	write(t, path, present(t, time.Millisecond))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s := present(t, time.Millisecond).encode(4)
		for {
			select {
			case <-end:
				return
			default:
				_ = f.Truncate(0)
				_, _ = f.WriteAt(s[:], 0)
			}
		}
	}()
	for range 2000 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if s, err := source.Sample(ctx, counter); err == nil {
			require.GreaterOrEqual(t, s.Claim, time.Millisecond)
		} else {
			require.ErrorIs(t, err, truetime.ErrUnusable)
		}
		cancel()
	}
	close(end)
	<-ended
}

func TestTimeNamespaceThatShiftsTheClockIsNoticed(t *testing.T) {
	require.NoError(t, unshifted([]byte("monotonic           0         0\nboottime            5         0\n")))
	require.NoError(t, unshifted(nil))
	for _, offsets := range []string{"monotonic 86400 0\n", "boottime 0 0\nmonotonic -1 999999999\n", "monotonic 0 1"} {
		require.ErrorContains(t, unshifted([]byte(offsets)), "a time namespace shifts CLOCK_MONOTONIC")
	}
}
