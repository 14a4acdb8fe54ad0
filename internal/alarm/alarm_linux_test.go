package alarm

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/seccomp"
)

// A program that calls Until in ten thousand goroutines must still be able to open its files.
func TestSparingTimerLeavesHalfOfTheDescriptors(t *testing.T) {
	sparing := Open(true)
	defer sparing.Close()
	require.IsType(t, &fdTimer{}, sparing)

	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	lower := limit
	lower.Cur = 2 // no more than there are
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lower))
	exhausted := Open(false)
	lower.Cur = uint64(20)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lower))
	var files []int
	for range 8 {
		if fd, err := unix.Dup(0); err == nil {
			files = append(files, fd)
		}
	}
	few, shared := Open(true), Open(false)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	for _, fd := range files {
		require.NoError(t, unix.Close(fd))
	}
	for _, timer := range []Alarm{exhausted, few, shared} {
		timer.Set(0)
		require.True(t, timer.Wait())
		timer.Close()
	}
	require.IsType(t, &goTimer{}, exhausted, "none left")
	require.IsType(t, &goTimer{}, few, "half are gone")
	require.IsType(t, &fdTimer{}, shared, "one that many share is worth it")
}

// Wait could only come back at once then, again and again.
func TestTimerThatTheRuntimeCannotWatchIsGos(t *testing.T) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	require.NoError(t, err)
	watched := os.NewFile(uintptr(fd), "watched already") // so that it cannot be a second time (epoll_ctl(2), EEXIST)
	require.NoError(t, watched.SetReadDeadline(time.Time{}))
	timer := onTimerfd(fd)
	defer timer.Close()
	require.IsType(t, &goTimer{}, timer)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.ErrorIs(t, err, unix.EBADF, "it is closed")
	_ = watched.Close()
	timer.Set(0)
	require.True(t, timer.Wait())
}

// Such a timer would never fire, or seem to have fired whenever somebody looks.
func TestTimerThatASandboxDoesNotLetBeSetOrReadIsGos(t *testing.T) {
	const asChild = "EPSILON_TEST_REFUSE"
	if refused := os.Getenv(asChild); refused != "" {
		require.NoError(t, seccomp.Install(refused))
		timer := Open(false)
		defer timer.Close()
		require.IsType(t, &goTimer{}, timer)
		timer.Set(0)
		require.True(t, timer.Wait())
		return
	}
	for _, refused := range []string{"EPERM:timerfd_create", "EPERM:timerfd_settime", "ENOSYS:timerfd_gettime"} {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), asChild+"="+refused)
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s: %s", refused, output)
	}
}
