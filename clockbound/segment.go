package clockbound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Version 2 of ClockBound's segment, in the byte order of the machine:
//
//	offset  bytes  field
//	 0       4     magic 0x414d5a4e
//	 4       4     magic 0x43420200
//	 8       4     size of the segment in bytes, these included: 80
//	12       2     version: 2, and 0 while the file is being prepared
//	14       2     generation: odd during an update, 0 before the first
//	16      16     as_of: seconds and nanoseconds of CLOCK_MONOTONIC_COARSE, 8 bytes each
//	32      16     void_after: likewise
//	48       8     bound, in nanoseconds, signed
//	56       8     disruption marker, a copy of the VMClock's
//	64       4     largest drift, in 10⁻⁹
//	68       4     status
//	72       1     1 if clients have to compare the marker with the VMClock's, else 0
//	73       7     nothing
const (
	segmentBytes = 80
	segmentWords = segmentBytes / 8
	headerBytes  = 16

	magicFirst  = 0x414d5a4e
	magicSecond = 0x43420200
	version     = 2

	versionAt    = 12
	generationAt = 14
)

// segment is a copy of a whole segment.
type segment [segmentBytes]byte

// status is what a daemon says of its bound.
type status int32

const (
	statusUnknown      status = iota // no bound
	statusSynchronized               // the bound holds
	statusFreeRunning                // it holds, and the clock has not been corrected for a while
	statusDisrupted                  // the clock has jumped: no bound
)

func (s status) String() string {
	return [...]string{"Unknown", "Synchronized", "FreeRunning", "Disrupted"}[s]
}

// maxDriftPPB is where ClockBound's clients begin to refuse a segment.
const maxDriftPPB = 1_000_000_000

// content is what a segment says. Moments are nanoseconds of CLOCK_MONOTONIC.
type content struct {
	asOf, voidAfter int64
	bound           time.Duration
	marker          uint64
	driftPPB        uint32
	status          status
	marked          bool // the marker is to be compared
}

// Why a file is not a segment that can be read. errUnwritten and errShort tell of one that is being
// prepared, or was cut off.
var (
	errForeign   = errors.New("it is no ClockBound segment")
	errVersion   = errors.New("it is a segment of another version")
	errUnwritten = errors.New("it has never been written")
	errShort     = errors.New("it is too short")
)

// identify checks the header. Of the file n bytes could be read.
func (s *segment) identify(n int) error {
	first, second := s.uint32(0), s.uint32(4)
	size, v := s.uint32(8), s.uint16(versionAt)
	magic := content{}.encode(0)
	switch {
	case !bytes.HasPrefix(magic[:8], s[:min(n, 8)]): // of one that was cut off, too
		return fmt.Errorf("%w: it begins with %#08x %#08x, not with %#08x %#08x", errForeign, first, second, magicFirst, magicSecond)
	case n < headerBytes:
		return fmt.Errorf("%w: %d bytes, and a header has %d", errShort, n, headerBytes)
	case v == 0 || s.generation() == 0:
		return fmt.Errorf("%w, or is just being prepared", errUnwritten)
	case v != version:
		return fmt.Errorf("%w: %#x, and %d is what can be read; daemons of ClockBound 2 and 3 keep it at %s", errVersion, v, version, DefaultPath)
	case n < segmentBytes || size < segmentBytes:
		return fmt.Errorf("%w: %d bytes, by its header %d, and version %d has %d", errShort, n, size, version, segmentBytes)
	}
	return nil
}

// decode returns what a segment says whose header is right.
func (s *segment) decode() (c content, err error) {
	c = content{
		bound:    time.Duration(s.uint64(48)),
		marker:   s.uint64(56),
		driftPPB: s.uint32(64),
		status:   status(s.uint32(68)),
		marked:   s[72] == 1,
	}
	var ok, alsoOK bool
	c.asOf, ok = s.moment(16)
	c.voidAfter, alsoOK = s.moment(32)
	switch {
	case !ok:
		return content{}, fmt.Errorf("as_of of %d s and %d ns makes no sense", int64(s.uint64(16)), int64(s.uint64(24)))
	case !alsoOK:
		return content{}, fmt.Errorf("void_after of %d s and %d ns makes no sense", int64(s.uint64(32)), int64(s.uint64(40)))
	case c.bound < 0:
		return content{}, fmt.Errorf("a bound of %v makes no sense", c.bound)
	case c.driftPPB >= maxDriftPPB:
		return content{}, fmt.Errorf("a drift of %d ppb makes no sense: it must be below %d", c.driftPPB, maxDriftPPB)
	case c.status < statusUnknown || c.status > statusDisrupted:
		return content{}, fmt.Errorf("status %d is not known", int32(c.status))
	case s[72] > 1:
		return content{}, fmt.Errorf("%d does not say whether there is a disruption marker", s[72])
	}
	return c, nil
}

// encode returns the segment that says c, of the given generation.
func (c content) encode(generation uint16) (s segment) {
	s.put32(0, magicFirst)
	s.put32(4, magicSecond)
	s.put32(8, segmentBytes)
	binary.NativeEndian.PutUint16(s[versionAt:], version)
	binary.NativeEndian.PutUint16(s[generationAt:], generation)
	s.putMoment(16, c.asOf)
	s.putMoment(32, c.voidAfter)
	s.put64(48, uint64(c.bound))
	s.put64(56, c.marker)
	s.put32(64, c.driftPPB)
	s.put32(68, uint32(c.status))
	if c.marked {
		s[72] = 1
	}
	return s
}

func (s *segment) generation() uint16     { return s.uint16(generationAt) }
func (s *segment) uint16(at int) uint16   { return binary.NativeEndian.Uint16(s[at:]) }
func (s *segment) uint32(at int) uint32   { return binary.NativeEndian.Uint32(s[at:]) }
func (s *segment) uint64(at int) uint64   { return binary.NativeEndian.Uint64(s[at:]) }
func (s *segment) put32(at int, v uint32) { binary.NativeEndian.PutUint32(s[at:], v) }
func (s *segment) put64(at int, v uint64) { binary.NativeEndian.PutUint64(s[at:], v) }

// updating reports whether a generation says that an update is going on.
func updating(generation uint16) bool { return generation%2 == 1 }

const nanosecondsPerSecond = int64(time.Second)

// maxMomentSeconds is some 270 years, so that a moment fits into 64 bits of nanoseconds.
const maxMomentSeconds = 1 << 33

func (s *segment) moment(at int) (nanoseconds int64, ok bool) {
	seconds, rest := int64(s.uint64(at)), int64(s.uint64(at+8))
	if seconds < 0 || seconds > maxMomentSeconds || rest < 0 || rest >= nanosecondsPerSecond {
		return 0, false
	}
	return seconds*nanosecondsPerSecond + rest, true
}

func (s *segment) putMoment(at int, nanoseconds int64) {
	s.put64(at, uint64(nanoseconds/nanosecondsPerSecond))
	s.put64(at+8, uint64(nanoseconds%nanosecondsPerSecond))
}
