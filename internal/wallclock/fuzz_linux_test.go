package wallclock

import (
	"encoding/binary"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is a control message as the kernel lays it out.
func message(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// FuzzControl reads arbitrary bytes as the control messages of a packet. Whatever comes, nothing
// panics, and there is no stamp where no message has one.
func FuzzControl(f *testing.F) {
	stamp, err := binary.Append(nil, binary.NativeEndian, [2]int64{1_900_000_000, 123_456_789})
	if err != nil {
		f.Fatal(err)
	}
	stamped := message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPING, append(stamp, make([]byte, 32)...))
	scheduled := make([]byte, 16)
	scheduled[4] = unix.SO_EE_ORIGIN_TIMESTAMPING
	binary.NativeEndian.PutUint32(scheduled[8:], 1)
	queued := message(unix.SOL_IP, unix.IP_RECVERR, scheduled)
	if got := SoftwareStamp(append(queued, stamped...)); got != int64(1_900_000_000*time.Second)+123_456_789 {
		f.Fatalf("a fuzzer that begins with messages which are not understood does not get far: %d", got)
	}
	if !isSchedulerStamp(append(stamped, queued...)) {
		f.Fatal("not understood")
	}
	f.Add(stamped, int64(1))
	f.Add(append(queued, stamped...), int64(0))
	f.Add(append(stamped, message(unix.SOL_IPV6, unix.IPV6_RECVERR, scheduled)...), int64(-1))
	f.Add(message(unix.SOL_SOCKET, unix.SCM_TIMESTAMPING, stamp[:15]), int64(0))
	f.Add(stamped[:20], int64(0))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, control []byte, near int64) {
		if isSchedulerStamp(control) && len(control) < unix.CmsgLen(16) {
			t.Fatal("a message that is not there")
		}
		got := SoftwareStamp(control)
		if got != 0 && len(control) < unix.CmsgLen(16) {
			t.Fatal("a stamp that is not there")
		}
		// What is made of it is within the two readings, or nothing at all.
		bracket := Bracket{
			First: Reading{Before: 100, After: 200, Wall: near, Slewed: 1000}, Last: Reading{Before: 1_000_100, After: 1_000_200, Wall: near + 1_000_000, Slewed: 1_001_000},
			DriftPPM: 200,
		}
		if at, ok := bracket.NotAfter(got); ok && (at < bracket.First.Before || at > bracket.Last.After) {
			t.Fatalf("%d is outside", at)
		}
		if at, ok := bracket.NotBefore(got); ok && (at < bracket.First.Before || at > bracket.Last.After) {
			t.Fatalf("%d is outside", at)
		}
	})
}
