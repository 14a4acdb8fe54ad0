package hostclock

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
)

// segment is one that this process has found fit to be read.
type segment struct {
	*mapping
	header
	id fileID

	// By how much this process's clocks are ahead of the writer's.
	monotonic, boottime time.Duration
}

// openSegment opens the segment at a path for a process of this host. The errors say what to do. There is a segment
// beside one that wraps ErrCounter: what it says of the machine can be read.
func openSegment(path string, here host, trusted owners) (*segment, error) {
	mapped, id, err := mapFile(path, trusted)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("hostclock: no clock is published at %s: start epsilon serve, or see that its directory is mounted here: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("hostclock: this process may not read %s: its directories need mode 0755, and the file 0644: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("hostclock: %s cannot be used: %w", path, err)
	}
	words := mapped.header()
	header, err := decodeHeader(&words)
	if err == nil && header.boot != here.boot {
		err = fmt.Errorf("%w: it was written before the machine was started last, or this process is in a container with a boot id of its own: "+
			"start epsilon serve, which replaces it, or umount /proc/sys/kernel/random/boot_id in the container", ErrOtherBoot)
	}
	s := &segment{mapped, header, id, here.monotonic - header.monotonic, here.boottime - header.boottime}
	if err == nil {
		_, _, err = s.record()
	}
	switch {
	case err == nil:
		return s, nil
	case !errors.Is(err, ErrCounter):
		s = nil
	}
	return s, fmt.Errorf("hostclock: %s cannot be used: %w", path, err)
}

// errBusy: the record is replaced more quickly than it can be read.
var errBusy = errors.New("its record is replaced without a pause")

// record returns the record as this process has to see it, and which publication it is. It is there beside ErrCounter, for
// what it says of the machine. Whether the counter may be read is asked each time, since a daemon may change it.
func (s *segment) record() (r record, generation uint64, err error) {
	words, generation, ok := s.load()
	if !ok {
		return r, generation, errBusy
	}
	if generation == 0 {
		return r, generation, fmt.Errorf("%w: nothing has been published in it: start epsilon serve anew", ErrForeign)
	}
	if r, err = decodeRecord(&words, generation); err != nil {
		return r, generation, fmt.Errorf("%w: %w: the daemon that writes it has a fault", ErrForeign, err)
	}
	if !r.Counter.Hardware && s.monotonic != 0 {
		return r, generation, fmt.Errorf("%w: CLOCK_MONOTONIC_RAW is ahead by %v here of what it is to the daemon, "+
			"which is in another time namespace: run both in one", ErrCounter, s.monotonic)
	}
	if r.Counter.Hardware {
		if err := localcounter.Readable(); err != nil {
			return r, generation, fmt.Errorf("%w: the host's clock reads the processor's, and this process cannot: %w", ErrCounter, err)
		}
	}
	r.at += int64(s.monotonic)
	r.Counter = r.Counter.Moved(s.monotonic, s.boottime)
	return r, generation, nil
}
