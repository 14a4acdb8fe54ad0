package commitwait

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A program that calls Until in ten thousand goroutines must still be able to open its files.
func TestSparingTimerLeavesHalfOfTheDescriptors(t *testing.T) {
	sparing := openTimer(true)
	defer sparing.close()
	require.IsType(t, &fdTimer{}, sparing)

	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	lower := limit
	lower.Cur = 2 // no more than there are
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lower))
	exhausted := openTimer(false)
	lower.Cur = uint64(20)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lower))
	var files []int
	for range 8 {
		if fd, err := unix.Dup(0); err == nil {
			files = append(files, fd)
		}
	}
	few, shared := openTimer(true), openTimer(false)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	for _, fd := range files {
		require.NoError(t, unix.Close(fd))
	}
	for _, timer := range []timer{exhausted, few, shared} {
		timer.set(0)
		require.True(t, timer.wait())
		timer.close()
	}
	require.IsType(t, &goTimer{}, exhausted, "none left")
	require.IsType(t, &goTimer{}, few, "half are gone")
	require.IsType(t, &fdTimer{}, shared, "a Waiter that is shared needs only one")
}
