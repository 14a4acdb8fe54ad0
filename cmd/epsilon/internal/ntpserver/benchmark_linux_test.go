package ntpserver_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// processTime is the processor time that all threads of a process have used so far
// (clock_getcpuclockid(3); CPUCLOCK_SCHED of the kernel).
func processTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	const scheduled = 2
	var used unix.Timespec
	require.NoError(t, unix.ClockGettime(int32(^pid<<3|scheduled), &used))
	return time.Duration(used.Nano())
}

// load asks a server in bursts, each after the replies to the one before, and returns how many
// replies have come.
func load(t testing.TB, address string, burst int, length time.Duration) (replies int) {
	t.Helper()
	conn, err := net.Dial("udp4", address)
	require.NoError(t, err)
	defer conn.Close()
	request := make([]byte, 48)
	request[0] = 4<<3 | 3
	reply := make([]byte, 1024)
	for end := time.Now().Add(length); time.Now().Before(end); {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		for i := range burst {
			binary.BigEndian.PutUint64(request[40:], uint64(replies+i+1))
			_, err := conn.Write(request)
			require.NoError(t, err)
		}
		for range burst {
			n, err := conn.Read(reply)
			if err != nil {
				break // lost: the buffer was full
			}
			if n == 48 && reply[1] != 0 {
				replies++
			}
		}
	}
	return replies
}

// BenchmarkRequestsPerProcessorSecond compares how many requests a server answers in one second of
// processor time with how many chronyd does, in one run: the two take turns, a short time each, so
// that what else the machine does meets both alike. A benchmark time of 30x is 4 s each. With 64
// at once a server is saturated: requests wait while others are answered.
//
//	go test -C cmd/epsilon -run '^$' -bench RequestsPerProcessorSecond -benchtime 30x ./internal/ntpserver
func BenchmarkRequestsPerProcessorSecond(b *testing.B) {
	chronyd := testbed.StartChronyd(b)
	for _, burst := range []int{64, 16, 4, 1} {
		for _, kind := range []string{"kernel stamps", "program stamps"} {
			b.Run(fmt.Sprintf("%d at once, %s", burst, kind), func(b *testing.B) {
				address, pid := startChild(b, kind)
				type total struct {
					replies int
					used    time.Duration
				}
				var ours, theirs total
				measure := func(t *total, address string, pid int) {
					before := processTime(b, pid)
					t.replies += load(b, address, burst, 60*time.Millisecond)
					t.used += processTime(b, pid) - before
				}
				for b.Loop() {
					measure(&ours, address, pid)
					measure(&theirs, chronyd.Address(), chronyd.PID())
				}
				rate := func(t total) float64 { return float64(t.replies) / t.used.Seconds() }
				b.ReportMetric(rate(ours), "ours/cpu-s")
				b.ReportMetric(rate(theirs), "chronyd/cpu-s")
				b.ReportMetric(rate(ours)/rate(theirs), "ratio")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
