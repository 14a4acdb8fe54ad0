package alarm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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
