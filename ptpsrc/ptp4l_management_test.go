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

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
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
	ctx, cancel := context.WithCancel(t.Context())
	serveManagement(t, path, func(request []byte) [][]byte {
		calls++
		good := answer(asked(request), []byte{0, byte(calls), 0, 0})
		if calls == 1 {
			late = good
			cancel()
			return nil
		}
		return [][]byte{late, {1, 2, 3}, nil, good}
	})
	s, err := dialPTP4L(path, 0)
	require.NoError(t, err)
	var set timeProperties
	require.ErrorIs(t, s.get(ctx, idTimeProperties, allPorts, &set), context.Canceled)
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

// madeUp answers each question from a report.
func madeUp(t *testing.T, r *report, states ...protocol.PortState) func([]byte) [][]byte {
	return func(request []byte) [][]byte {
		q := asked(request)
		port := r.port
		if q.id == idPortPropertiesNP {
			port.State = states[q.port-1]
		}
		set, ok := map[uint16]any{
			idDefaultDataSet: r.clock, idCurrentDataSet: r.current, idParentDataSet: r.parent, idTimeProperties: r.time,
			idTimeStatusNP: r.status, idPortPropertiesNP: port, idGrandmasterNP: r.own,
		}[q.id]
		if !ok {
			t.Errorf("a question for data set 0x%04X", q.id)
			return nil
		}
		data, err := binary.Append(nil, binary.BigEndian, set)
		if err != nil {
			t.Error(err)
		}
		return [][]byte{answer(q, data)}
	}
}

func TestPortThatFollowsIsFoundAmongOthers(t *testing.T) {
	for name, c := range map[string]struct {
		states []protocol.PortState
		want   bool
	}{
		"the only one": {[]protocol.PortState{protocol.PortStateSlave}, true},
		"the third":    {[]protocol.PortState{protocol.PortStateMaster, protocol.PortStateFaulty, protocol.PortStateSlave}, true},
		"free running": {[]protocol.PortState{protocol.PortStateMaster, protocol.PortStateUncalibrated}, true},
		"none":         {[]protocol.PortState{protocol.PortStateMaster, protocol.PortStateListening, protocol.PortStatePassive}, false},
	} {
		t.Run(name, func(t *testing.T) {
			path, want := socketPath(t), newHost().report
			want.clock.Ports, want.follows = uint16(len(c.states)), c.want
			served := want
			serveManagement(t, path, madeUp(t, &served, c.states...))
			s, err := dialPTP4L(path, 0)
			require.NoError(t, err)
			defer s.Close()
			got, err := s.report(t.Context())
			require.NoError(t, err)
			want.port.State = c.states[len(c.states)-1]
			require.Equal(t, want, got)
		})
	}
}

// The source as a whole, with a system clock that is 2 ms ahead of what is made up to be true time.
func TestSampleIsTrueByTheCounter(t *testing.T) {
	const ahead = 2 * time.Millisecond
	path, r := socketPath(t), newHost().report
	counter, err := monotonic.System()
	require.NoError(t, err)
	wall := func() truetime.Time { return fakeUTC.Add(time.Duration(counter.Now())).Add(ahead) }
	r.status.MasterOffset = int64(ahead)
	reply, requests := madeUp(t, &r, protocol.PortStateSlave), int64(0)
	serveManagement(t, path, func(request []byte) [][]byte {
		r.status.IngressTime = int64(wall())
		requests++
		r.status.MasterOffset = int64(ahead) + requests/7%2 // it measures from poll to poll
		return reply(request)
	})
	p := PTP4L(path).(*ptp4l)
	p.wall = wall
	used := 0
	for range 40 {
		s, err := p.Sample(t.Context(), counter)
		if err != nil {
			require.ErrorIs(t, err, truetime.ErrUnusable)
			continue
		}
		requireTrue(t, s)
		used++
	}
	require.GreaterOrEqual(t, used, 30)
}

// ptp4l sends a name as long as it is, and everything to an even number of bytes.
func TestNameOfAnInterfaceIsAsLongAsItIs(t *testing.T) {
	q := question{id: idPortPropertiesNP, port: 1, sequence: 1, from: protocol.PortIdentity{ClockIdentity: 8, PortNumber: 1}}
	fixed := make([]byte, 12)
	fixed[10], fixed[11] = uint8(protocol.PortStateSlave), 1
	for _, name := range []string{"", "lo", "eth0", "enp1s0f0", "interface-of-15"} {
		var p portProperties
		data := append(append(fixed[:12:12], byte(len(name))), name...)
		if len(data)%2 == 1 {
			data = append(data, 0)
		}
		require.NoError(t, q.decode(answer(q, data), &p))
		require.Equal(t, name, p.name())
		require.EqualValues(t, 1, p.Timestamping)
	}
	var p portProperties
	require.ErrorContains(t, q.decode(answer(q, fixed), &p), "has 12 bytes")
	long := append(fixed[:12:12], 200)
	require.NoError(t, q.decode(answer(q, append(long, make([]byte, 200)...)), &p))
	require.Len(t, p.name(), maxInterfaceName)
}
