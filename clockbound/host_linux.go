package clockbound

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// thisHost is the machine that the process runs on.
type thisHost struct{}

func (thisHost) usable() error { return sharedMonotonic() }

func (thisHost) open(path string) (io.ReaderAt, bool, func(), error) {
	// O_NONBLOCK keeps a named pipe, given by mistake, from blocking here for ever.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, nil, err
	}
	var on unix.Statfs_t
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err == nil {
		err = os.NewSyscallError("fstatfs", unix.Fstatfs(int(file.Fd()), &on))
	}
	if err != nil {
		_ = file.Close()
		return nil, false, nil, err
	}
	kind := uint32(on.Type) // which is signed on some architectures
	inMemory := kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
	return file, !inMemory, func() { _ = file.Close() }, nil
}

func (thisHost) clocks(counter monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Read(counter)
}

func (thisHost) watch() (watch, error) { return wallclock.NewWatch() }

func (thisHost) notice() (notice, error) { return wallclock.NewNotice() }

func (thisHost) coarse() (int64, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &now)
	return now.Nano(), os.NewSyscallError("clock_gettime", err)
}

func (thisHost) tick() (time.Duration, error) {
	var tick unix.Timespec
	err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick)
	return time.Duration(tick.Nano()), os.NewSyscallError("clock_getres", err)
}

func (thisHost) wall() truetime.Time { return wallclock.System() }

func (thisHost) create(path string) (segmentFile, error) {
	m, err := createSegment(path)
	if err != nil {
		return nil, err // and not a nil pointer in an interface
	}
	return m, nil
}

// sharedMonotonic returns an error if the process is in a time namespace that shifts CLOCK_MONOTONIC
// (time_namespaces(7)): in a segment it is then another clock inside than outside. A process never
// leaves its time namespace.
var sharedMonotonic = sync.OnceValue(func() error {
	offsets, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return nil // the kernel has no time namespaces, or /proc is not there, in which case nobody sees
	}
	return unshifted(offsets)
})

// unshifted returns an error if the content of a file timens_offsets shifts CLOCK_MONOTONIC.
func unshifted(offsets []byte) error {
	for lines := bufio.NewScanner(bytes.NewReader(offsets)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) == 3 && f[0] == "monotonic" && (f[1] != "0" || f[2] != "0") {
			return fmt.Errorf("a time namespace shifts CLOCK_MONOTONIC of this process by %s s and %s ns, so a segment means another time outside: run it in the time namespace of the host", f[1], f[2])
		}
	}
	return nil
}
