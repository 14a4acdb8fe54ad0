package ptpsrc

import (
	"context"
	"encoding/binary"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// socketPath returns a path for a Unix socket; the directory of a test is too long a name.
func socketPath(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "ptpsrc-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(directory) })
	return filepath.Join(directory, "ptp4l")
}

// serveManagement answers each request with what reply makes of it.
func serveManagement(t *testing.T, path string, reply func(request []byte) [][]byte) {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFromUnix(b)
			if err != nil {
				return
			}
			for _, r := range reply(b[:n]) {
				_, _ = c.WriteToUnix(r, from)
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); done.Wait() })
}

func asked(request []byte) question {
	return question{
		id: binary.BigEndian.Uint16(request[52:]), port: binary.BigEndian.Uint16(request[42:]), domain: request[4],
		sequence: binary.BigEndian.Uint16(request[30:]), from: getIdentity(request[20:]),
	}
}

// The answer to the last question comes late, when the next one has been asked.
func TestLateAnswerIsNotTakenForAnother(t *testing.T) {
	path := socketPath(t)
	late, calls := []byte(nil), 0
	serveManagement(t, path, func(request []byte) [][]byte {
		calls++
		good := answer(asked(request), []byte{0, byte(calls), 0, 0})
		if calls == 1 {
			late = good
			return nil
		}
		return [][]byte{late, {1, 2, 3}, nil, good}
	})
	s, err := dialPTP4L(path, 0)
	require.NoError(t, err)
	var set timeProperties
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	require.ErrorIs(t, s.get(ctx, idTimeProperties, allPorts, &set), context.DeadlineExceeded)
	cancel()
	require.NoError(t, s.SetDeadline(time.Time{}))
	require.NoError(t, s.get(t.Context(), idTimeProperties, allPorts, &set))
	require.EqualValues(t, 2, set.UTCOffset)
	require.NoError(t, s.Close())
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "ptpsrc.*"))
	require.NoError(t, err)
	require.Empty(t, left, "our end of the socket remains")
}

func TestFloodOfOtherAnswersEndsThePoll(t *testing.T) {
	path := socketPath(t)
	serveManagement(t, path, func([]byte) [][]byte { return make([][]byte, maxJunk+1) })
	_, err := PTP4L(path).Sample(t.Context(), &monotonic.Manual{})
	require.ErrorContains(t, err, "do not answer the question")
}

func TestSilentPTP4LIsExplained(t *testing.T) {
	path := socketPath(t)
	serveManagement(t, path, func([]byte) [][]byte { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := PTP4L(path, WithDomain(9)).Sample(ctx, &monotonic.Manual{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "not in domain 9")
}

func TestSocketThatCannotBeUsedIsExplained(t *testing.T) {
	path := socketPath(t)
	_, err := PTP4L(path).Sample(t.Context(), &monotonic.Manual{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "there is no socket "+path)

	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = PTP4L(path).Sample(t.Context(), &monotonic.Manual{})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "it has died")

	require.ErrorContains(t, explainSocket(path, syscall.EACCES), "no permission to use ptp4l's socket")
}
