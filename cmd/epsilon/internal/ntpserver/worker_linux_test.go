package ntpserver

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// stampedAt is the control message with the kernel's stamp.
func stampedAt(at int64) []byte {
	b := make([]byte, unix.CmsgSpace(3*int(unsafe.Sizeof(unix.Timespec{}))))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_TIMESTAMPING
	h.SetLen(len(b))
	*(*unix.Timespec)(unsafe.Pointer(&b[unix.CmsgLen(0)])) = unix.NsecToTimespec(at)
	return b
}

// slow is the host's clock, served by somebody who takes his time after he has read it.
type slow struct {
	takes time.Duration
	asked int
	fails int // the call that fails, from 1
}

func (s *slow) Now() (truetime.Interval, error) {
	s.asked++
	now := truetime.Time(testbed.Realtime())
	time.Sleep(s.takes)
	if s.asked == s.fails {
		return truetime.Interval{}, errors.New("no answer")
	}
	return truetime.Interval{Earliest: now, Latest: now}, nil
}

// newStamped is newUnconnected with the kernel's stamps, by this machine's counter.
func newStamped(t *testing.T, reader truetime.Reader) *worker {
	t.Helper()
	w := newUnconnected(t, reader, false)
	counter, err := monotonic.System()
	require.NoError(t, err)
	w.server.config.Counter = counter
	w.arrivals = newArrivals(counter, 200, new(atomic.Pointer[steered]))
	return w
}

// What has passed since the arrival is up to the moment at which the served clock was read, and no longer: else T2 would be before
// the request came.
func TestArrivalIsNotToldEarlierHoweverLongTheServedClockTakes(t *testing.T) {
	w := newStamped(t, &slow{takes: 2 * time.Millisecond})
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	request = extension.AppendBounds(request, extension.Bounds{})
	stamped := 0
	for range 20 {
		arrived := testbed.Realtime()
		w.received(0, request, unix.AF_INET, 1, stampedAt(arrived))
		time.Sleep(time.Millisecond)
		tally := w.prepare(1)
		require.True(t, tally.synchronized)
		require.Equal(t, 1, tally.replies)
		stamped += tally.stamped
		var bounds extension.Bounds
		for field, err := range extension.Fields(w.batch.slots[0].reply[:largestReply], messageSize, 16) {
			require.NoError(t, err)
			var ok bool
			bounds, ok = extension.BoundsOf(field)
			require.True(t, ok)
		}
		latest := int64((bounds.Latest>>32)-2_208_988_800)*int64(time.Second) + int64(bounds.Latest&(1<<32-1)*uint64(time.Second)>>32)
		require.GreaterOrEqual(t, latest, arrived, "true time was the stamp when it came")
		require.Less(t, latest-arrived, int64(20*time.Second))
	}
	require.Positive(t, stamped)
}

// A stamp of an earlier request is none of a later one that has none.
func TestStampsDoNotStay(t *testing.T) {
	w := newStamped(t, &slow{})
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	w.received(0, request, unix.AF_INET, 1, stampedAt(testbed.Realtime()))
	require.Equal(t, 1, w.prepare(1).stamped)
	w.received(0, request, unix.AF_INET, 1, nil)
	require.Zero(t, w.prepare(1).stamped)
}

// Both answers of the clock have to be some.
func TestAClockThatLosesItsAnswerMeanwhileServesNoTime(t *testing.T) {
	for fails, synchronized := range map[int]bool{0: true, 1: false, 2: false} {
		w := newUnconnected(t, &slow{fails: fails}, false)
		request := make([]byte, messageSize)
		request[0] = 4<<3 | 3
		w.received(0, request, unix.AF_INET, 1, nil)
		tally := w.prepare(1)
		require.Equal(t, synchronized, tally.synchronized, "call %d fails", fails)
		require.Equal(t, 1, tally.replies)
		require.Equal(t, !synchronized, w.batch.slots[0].reply[0]>>6 == 3, "leap indicator")
	}
}
