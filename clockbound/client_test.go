package clockbound

import (
	"encoding/binary"
	"errors"
)

// client is ClockBound 2's client, written from the description of its algorithm and with nothing of
// this package's. It is what the segments that we write have to satisfy.
type client struct {
	load   func(at int) uint64 // an aligned word of the segment
	cached [80]byte
	last   uint16 // the generation of what is cached
}

type clientStatus int32

const (
	clientUnknown      clientStatus = 0
	clientSynchronized clientStatus = 1
	clientFreeRunning  clientStatus = 2
	clientDisrupted    clientStatus = 3
)

var (
	errClientNotInitialized = errors.New("SegmentNotInitialized")
	errClientVersion        = errors.New("SegmentVersionNotSupported")
	errClientMalformed      = errors.New("SegmentMalformed")
	errClientCausality      = errors.New("CausalityBreach")
)

// header is the word with size, version and generation.
func (c *client) header() (size uint32, version, generation uint16) {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], c.load(8))
	return binary.NativeEndian.Uint32(b[:]), binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
}

// open makes the checks that are made once.
func (c *client) open() error {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], c.load(0))
	size, version, generation := c.header()
	switch {
	case binary.NativeEndian.Uint32(b[:]) != 0x414d5a4e || binary.NativeEndian.Uint32(b[4:]) != 0x43420200:
		return errClientNotInitialized
	case version == 0 || generation == 0:
		return errClientNotInitialized
	case version != 2:
		return errClientVersion
	case size < 80:
		return errClientMalformed
	}
	return nil
}

// snapshot copies the segment, and returns what it had before as long as an update is going on.
func (c *client) snapshot() error {
	_, version, generation := c.header()
	switch {
	case version != 2:
		return errClientVersion
	case generation == 0 || generation == c.last || generation%2 == 1:
		return nil
	}
	for range 1_000_000 {
		var s [80]byte
		for at := 0; at < 80; at += 8 {
			binary.NativeEndian.PutUint64(s[at:], c.load(at))
		}
		_, _, again := c.header()
		if again == generation {
			c.cached, c.last = s, generation
			return nil
		}
		if again%2 == 0 {
			generation = again
		}
	}
	return errClientNotInitialized
}

// now returns the interval around a reading of CLOCK_REALTIME, by a reading of CLOCK_MONOTONIC_COARSE that was
// made after it.
func (c *client) now(realtime, coarse int64) (earliest, latest int64, s clientStatus, err error) {
	u64 := func(at int) int64 { return int64(binary.NativeEndian.Uint64(c.cached[at:])) }
	asOf, voidAfter, bound := u64(16)*1e9+u64(24), u64(32)*1e9+u64(40), u64(48)
	drift := binary.NativeEndian.Uint32(c.cached[64:])
	s = clientStatus(binary.NativeEndian.Uint32(c.cached[68:]))
	if drift >= 1_000_000_000 {
		return 0, 0, 0, errClientMalformed
	}
	if s == clientSynchronized || s == clientFreeRunning {
		switch {
		case coarse < asOf+5e9:
		case coarse < voidAfter:
			s = clientFreeRunning
		default:
			s = clientUnknown
		}
	}
	age := coarse - asOf
	if age < 0 {
		if age <= -1000 {
			return 0, 0, 0, errClientCausality
		}
		age = 0
	}
	bound += int64(float64(age) / 1e9 * float64(drift))
	return realtime - bound, realtime + bound, s, nil
}

// clientOf is a client of a segment in ordinary memory.
func clientOf(s *segment) *client {
	return &client{load: func(at int) uint64 { return s.uint64(at) }}
}
