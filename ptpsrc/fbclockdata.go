package ptpsrc

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"syscall"
)

// The shared memory of fbclock, version 2 (fbclock/fbclock.h, fbclock_shmdata_v2): two sections of 64 bytes, each
// a sequence number and data, in the order of bytes of the host. The number is odd while the daemon writes,
// and 0 before it has written for the first time. The second section is of CLOCK_REALTIME and is of no use here.
const (
	fbclockSection  = 64
	fbclockSize     = 2 * fbclockSection
	fbclockSequence = 8 // bytes
	fbclockTries    = 100
)

// fbclockData is what a section contains. Times are nanoseconds.
type fbclockData struct {
	Ingress      int64  // when the last Sync came in, by the device
	ErrorBound   uint32 // ns
	Holdover     uint32 // 2⁻¹⁶ ns/s
	SmearStart   uint64 // s, by the device
	OffsetBefore int16  // of UTC before the smear, s
	OffsetAfter  int16
	Clock        uint32 // which Raw is a reading of
	PHC          int64  // the device at Raw
	Raw          int64
	RatePPB      int64 // by how much the device runs faster than that clock
}

const clockMonotonicRaw = 4 // include/uapi/linux/time.h

// readFBClock reads the first section, for as often as it takes to find that nobody has written meanwhile: three
// reads by system call, which happen in that order.
func readFBClock(path string) (d fbclockData, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // to open a pipe might take for ever
	if err != nil {
		return d, err
	}
	defer file.Close()
	if err := checkFBClockFile(file); err != nil {
		return d, err
	}
	var b [fbclockSection - fbclockSequence]byte
	for range fbclockTries {
		before, err := readSequence(file)
		if err != nil {
			return d, err
		}
		if before == 0 {
			return d, unusable("fbclock's daemon has not written anything yet")
		}
		if before%2 == 0 {
			if err := readAt(file, b[:], fbclockSequence); err != nil {
				return d, err
			}
			after, err := readSequence(file)
			if err != nil {
				return d, err
			}
			if before == after {
				_, err = binary.Decode(b[:], binary.NativeEndian, &d)
				return d, err
			}
		}
		runtime.Gosched() // it may be another goroutine that writes
	}
	return d, unusable("fbclock's daemon was writing at each of %d attempts to read: it has died doing so", fbclockTries)
}

// checkFBClockFile refuses what is no such memory before it is read. There is nothing to know it by but its
// size. It had one section only until 2026; of version 1 there are 48 bytes.
func checkFBClockFile(file *os.File) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("not a file with fbclock's shared memory, but %v", info.Mode().Type())
	case info.Size() != fbclockSize && info.Size() != fbclockSection:
		return fmt.Errorf("%d bytes are not fbclock's shared memory of version 2, which has %d", info.Size(), fbclockSize)
	}
	return nil
}

func readSequence(file *os.File) (uint64, error) {
	var b [fbclockSequence]byte
	err := readAt(file, b[:], 0)
	return binary.NativeEndian.Uint64(b[:]), err
}

func readAt(file *os.File, b []byte, offset int64) error {
	n, err := file.ReadAt(b, offset)
	if err == io.EOF {
		return fmt.Errorf("it was cut off after %d bytes", offset+int64(n))
	}
	return err
}

// check refuses what the daemon marks as unknown, and what no daemon would write.
func (d fbclockData) check() error {
	switch {
	case d.ErrorBound == 0 || d.Ingress == 0 || d.PHC == 0 || d.Raw == 0:
		return unusable("fbclock's daemon has not received a Sync yet")
	case d.ErrorBound == math.MaxUint32 || d.Holdover == math.MaxUint32:
		return unusable("fbclock's error is too big for its field")
	case d.Clock != clockMonotonicRaw:
		return unusable("fbclock's reading is of clock %d and not of CLOCK_MONOTONIC_RAW (4), because of a kernel before Linux 6.12: anybody may set CLOCK_REALTIME", d.Clock)
	case d.Ingress < 0 || d.PHC < d.Ingress || d.PHC > maxDevice || d.Raw < 0 || d.Raw > maxDevice:
		return unusable("fbclock's times of %d, %d and %d ns make no sense", d.Ingress, d.PHC, d.Raw)
	case d.RatePPB > maxRatePPB || d.RatePPB < -maxRatePPB:
		return unusable("fbclock's rate of %d ppb is no measurement", d.RatePPB)
	}
	return nil
}
