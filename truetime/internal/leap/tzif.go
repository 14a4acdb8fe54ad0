package leap

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	tzifHeader = 44
	tzifMax    = 1 << 20 // bytes; a real right/UTC has 700
)

// ParseTZif reads the leap seconds of a compiled time zone such as right/UTC of the tz database (RFC
// 9636 section 3). source names it in errors, which are [ErrTable] and name the record.
//
// Only version 4 of the format can say when the leap seconds expire. A file that does not is taken
// to expire with its last leap second: that is all that it vouches for.
func ParseTZif(r io.Reader, source string) (*Table, error) {
	data, err := io.ReadAll(io.LimitReader(r, tzifMax))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrTable, source, err)
	}
	first, err := readTZifHeader(data, source)
	if err != nil {
		return nil, err
	}
	if first.version == 0 {
		return nil, fmt.Errorf("%w: %s: version 1 of the format ends in 2038 and is not read", ErrTable, source)
	}
	data = data[min(uint64(len(data)), tzifHeader+first.size(4)):]
	h, err := readTZifHeader(data, source)
	if err != nil {
		return nil, err
	}
	begin := tzifHeader + h.beforeLeaps(8)
	if uint64(len(data)) < begin+h.leaps*12 {
		return nil, fmt.Errorf("%w: %s: it ends before its leap seconds", ErrTable, source)
	}
	return readTZifLeaps(data[begin:begin+h.leaps*12], h.version, source)
}

// tzif is the header of a data block: how many there are of what.
type tzif struct {
	version                                    byte
	isUT, isStd, leaps, times, kinds, nameSize uint64
}

func readTZifHeader(data []byte, source string) (tzif, error) {
	if len(data) < tzifHeader || string(data[:4]) != "TZif" {
		return tzif{}, fmt.Errorf("%w: %s: it is not a compiled time zone (TZif)", ErrTable, source)
	}
	count := func(i int) uint64 { return uint64(binary.BigEndian.Uint32(data[20+4*i:])) }
	return tzif{data[4], count(0), count(1), count(2), count(3), count(4), count(5)}, nil
}

func (h tzif) beforeLeaps(timeSize uint64) uint64 {
	return h.times*(timeSize+1) + h.kinds*6 + h.nameSize
}

func (h tzif) size(timeSize uint64) uint64 {
	return h.beforeLeaps(timeSize) + h.leaps*(timeSize+4) + h.isStd + h.isUT
}

// readTZifLeaps reads pairs of the moment and the correction in force from then on. Moments count
// the leap seconds before them, as TAI−10 s does.
func readTZifLeaps(data []byte, version byte, source string) (*Table, error) {
	entries := []Leap{{firstYear, 10}}
	expiry, was := firstYear, int64(0)
	for i := 0; len(data) > 0; i, data = i+1, data[12:] {
		at := int64(binary.BigEndian.Uint64(data))
		correction := int64(int32(binary.BigEndian.Uint32(data[8:])))
		if at < 0 || at > 1<<33 || correction < -1000 || correction > 1000 {
			return nil, fmt.Errorf("%w: %s: record %d: a correction of %d s at %d is absurd", ErrTable, source, i+1, correction, at)
		}
		if version >= '4' && len(data) == 12 && i > 0 && correction == was {
			expiry = UTC((at - was) * second)
			break
		}
		// The correction is in force from the end of an inserted second on, which begins at this moment,
		// and from the moment itself if a second is removed.
		u := UTC((at - was) * second)
		if correction < was {
			u += UTC(second)
		}
		entries = append(entries, Leap{u, 10 + int(correction)})
		expiry, was = u, correction
	}
	return newTable(entries, expiry, source, func(i int) string { return fmt.Sprintf("record %d", i) })
}
