package hostclock

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/published"
)

// The segment is one page of 64-bit words in the byte order of the machine. Its header is written
// before anybody can see the file, and never changes. The two slots take turns at holding the record:
// docs/segment.md is the same in words, with a test vector.
const (
	segmentBytes = 4096
	segmentWords = segmentBytes / 8

	wordMagic           = 0
	wordVersions        = 1 // of readers: the smallest in the lower half, the largest in the upper
	wordSize            = 2 // in bytes
	wordBoot            = 3 // two words: the 16 bytes of the boot id
	wordWriter          = 5 // random for each publisher
	wordMonotonicOffset = 6 // of the writer's time namespace
	wordBoottimeOffset  = 7
	wordGeneration      = 8 // counts publications; which slot holds the record is its lowest bit
	wordSlots           = 16
	slotWords           = 64
)

// The words of a record.
const (
	recordGeneration = iota // the same as in the header
	recordKinds             // see below
	recordPublished         // CLOCK_MONOTONIC_RAW of the writer
	recordEpoch
	recordMaxWidth
	recordMultiplier // of the lines
	recordUp
	recordFrom
	recordLower             // five words, as are the other edges: at, time, rate, until, after
	recordUpper             = recordLower + 5
	recordTAILower          = recordUpper + 5
	recordTAIUpper          = recordTAILower + 5
	recordTAIUntil          = recordTAIUpper + 5
	recordLeapAt            = recordTAIUntil + 1
	recordMarker            = recordLeapAt + 1
	recordClocksource       = recordMarker + 1
	recordSuspended         = recordClocksource + 1 // two words: least, most
	recordCompared          = recordSuspended + 2   // three words: ticks before, ticks after, raw
	recordRate              = recordCompared + 3    // two words: low, high, as IEEE 754 has them
	recordCounterMultiplier = recordRate + 2
	recordCounterUp         = recordCounterMultiplier + 1
	recordWords             = recordCounterUp + 1
)

// The word recordKinds: four numbers of 8 bits, and bits above them.
const (
	kindState   = 0
	kindCounter = 8
	kindLeap    = 16
	kindScale   = 24

	bitAnswers         = 1 << 32
	bitTAIKnown        = 1 << 33
	bitVM              = 1 << 34
	bitSuspensionKnown = 1 << 35
	bitCompared        = 1 << 36
	bitStopped         = 1 << 37

	counterRaw    = 1 // CLOCK_MONOTONIC_RAW
	counterTSC    = 2 // of x86
	counterCNTVCT = 3 // of arm64

	scaleSmeared = 1 // UTC, a leap second smeared linearly from noon to noon
)

// magic is "EPSCLOCK" on a machine that stores the lowest byte first.
const (
	magic = 0x4b434f4c43535045

	// version is what this package writes and reads.
	version = 1
)

// header is what does not change.
type header struct {
	boot      [16]byte
	writer    uint64
	monotonic time.Duration // offsets of the writer's time namespace
	boottime  time.Duration
}

func (h header) words() (w [wordGeneration]uint64) {
	w[wordMagic] = magic
	w[wordVersions] = version | version<<32
	w[wordSize] = segmentBytes
	w[wordBoot] = binary.NativeEndian.Uint64(h.boot[:8])
	w[wordBoot+1] = binary.NativeEndian.Uint64(h.boot[8:])
	w[wordWriter] = h.writer
	w[wordMonotonicOffset] = uint64(h.monotonic)
	w[wordBoottimeOffset] = uint64(h.boottime)
	return w
}

// decodeHeader returns the header, or an error if this package cannot read the segment.
func decodeHeader(w *[wordGeneration]uint64) (h header, err error) {
	smallest, largest := uint32(w[wordVersions]), uint32(w[wordVersions]>>32)
	switch {
	case w[wordMagic] != magic:
		return h, fmt.Errorf("%w: it begins with %#016x, not with %#016x: give the path of a file that epsilon serve publishes", ErrForeign, w[wordMagic], uint64(magic))
	case version < smallest:
		return h, fmt.Errorf("%w: it can be read from version %d of its layout on, and this program knows version %d: build it with a newer release of this library", ErrVersion, smallest, version)
	case version > largest:
		return h, fmt.Errorf("%w: it can be read up to version %d of its layout, and this program knows version %d: update the daemon that writes it", ErrVersion, largest, version)
	case w[wordSize] != segmentBytes:
		return h, fmt.Errorf("%w: it says that it has %d bytes, and version %d has %d: the daemon that writes it has a fault", ErrForeign, w[wordSize], version, segmentBytes)
	}
	binary.NativeEndian.PutUint64(h.boot[:8], w[wordBoot])
	binary.NativeEndian.PutUint64(h.boot[8:], w[wordBoot+1])
	h.writer = w[wordWriter]
	h.monotonic, h.boottime = time.Duration(w[wordMonotonicOffset]), time.Duration(w[wordBoottimeOffset])
	return h, nil
}

// record is a publication with what the publisher adds to it.
type record struct {
	published.Record
	at      int64 // CLOCK_MONOTONIC_RAW of the writer
	stopped bool  // it is the last one
}

// words returns the record as publication number generation.
func (r *record) words(generation uint64) (w [recordWords]uint64) {
	kinds := uint64(r.State)<<kindState | uint64(r.LeapStatus)<<kindLeap | scaleSmeared<<kindScale
	counter := uint64(counterRaw)
	if r.Counter.Hardware {
		counter = hardwareCounter
	}
	kinds |= counter << kindCounter
	for bit, set := range map[uint64]bool{
		bitAnswers: r.Answers, bitTAIKnown: r.TAIKnown, bitVM: r.VM, bitStopped: r.stopped,
		bitSuspensionKnown: r.Counter.SuspensionKnown, bitCompared: r.Counter.Compared,
	} {
		if set {
			kinds |= bit
		}
	}
	w[recordGeneration], w[recordKinds] = generation, kinds
	w[recordPublished], w[recordEpoch], w[recordMaxWidth] = uint64(r.at), r.Epoch, r.MaxWidth
	w[recordMultiplier], w[recordUp], w[recordFrom] = r.Shown.Meter.Multiplier, uint64(r.Shown.Meter.Up), r.Shown.From
	for at, e := range map[int]*line.Edge{
		recordLower: &r.Shown.Lower, recordUpper: &r.Shown.Upper, recordTAILower: &r.TAI.Lower, recordTAIUpper: &r.TAI.Upper,
	} {
		w[at], w[at+1], w[at+2], w[at+3], w[at+4] = e.At, uint64(e.Time), e.Rate, e.Until, e.After
	}
	w[recordTAIUntil], w[recordLeapAt], w[recordMarker] = uint64(r.TAIUntil), uint64(r.LeapAt), r.Marker
	c := &r.Counter
	w[recordClocksource] = c.Clocksource
	w[recordSuspended], w[recordSuspended+1] = uint64(c.SuspendedLeast), uint64(c.SuspendedMost)
	w[recordCompared], w[recordCompared+1], w[recordCompared+2] = c.Before, c.After, uint64(c.Raw)
	w[recordRate], w[recordRate+1] = math.Float64bits(c.Low), math.Float64bits(c.High)
	w[recordCounterMultiplier], w[recordCounterUp] = c.Multiplier, uint64(c.Up)
	return w
}

// decodeRecord returns the record that is publication number generation, or an error if it makes no sense.
func decodeRecord(w *[recordWords]uint64, generation uint64) (r record, err error) {
	kinds := w[recordKinds]
	r.State, r.LeapStatus = uint8(kinds>>kindState), uint8(kinds>>kindLeap)
	counter, scale := uint8(kinds>>kindCounter), uint8(kinds>>kindScale)
	r.Answers, r.TAIKnown, r.VM, r.stopped = kinds&bitAnswers != 0, kinds&bitTAIKnown != 0, kinds&bitVM != 0, kinds&bitStopped != 0
	r.at, r.Epoch, r.MaxWidth = int64(w[recordPublished]), w[recordEpoch], w[recordMaxWidth]
	r.TAIUntil, r.LeapAt, r.Marker = int64(w[recordTAIUntil]), int64(w[recordLeapAt]), w[recordMarker]
	r.Counter = localcounter.Witness{
		Hardware:        counter != counterRaw,
		Multiplier:      w[recordCounterMultiplier],
		Up:              uint(w[recordCounterUp]),
		Clocksource:     w[recordClocksource],
		SuspensionKnown: kinds&bitSuspensionKnown != 0,
		SuspendedLeast:  time.Duration(w[recordSuspended]),
		SuspendedMost:   time.Duration(w[recordSuspended+1]),
		Compared:        kinds&bitCompared != 0,
		Before:          w[recordCompared],
		After:           w[recordCompared+1],
		Raw:             int64(w[recordCompared+2]),
		Low:             math.Float64frombits(w[recordRate]),
		High:            math.Float64frombits(w[recordRate+1]),
	}
	switch {
	case w[recordGeneration] != generation:
		return r, fmt.Errorf("publication %d is in the place of %d", w[recordGeneration], generation)
	case r.State > lastState:
		return r, fmt.Errorf("state %d is not known", r.State)
	case counter != counterRaw && counter != counterTSC && counter != counterCNTVCT:
		return r, fmt.Errorf("counter %d is not known", counter)
	case counter != counterRaw && counter != hardwareCounter:
		return r, fmt.Errorf("counter %d is not one of this machine", counter)
	case scale != scaleSmeared:
		return r, fmt.Errorf("time scale %d is not known", scale)
	case w[recordCounterUp] > 63:
		return r, fmt.Errorf("a counter's tick of 2^%d ns is not credible", w[recordCounterUp])
	}
	if !r.Answers {
		r.TAIKnown = false
		return r, nil
	}
	if r.Shown, err = decodePair(w, recordLower, recordUpper); err == nil && r.TAIKnown {
		r.TAI, err = decodePair(w, recordTAILower, recordTAIUpper)
	}
	return r, err
}

// decodePair returns the lines with edges at these words. Readings of them do not overflow.
func decodePair(w *[recordWords]uint64, lower, upper int) (line.Pair, error) {
	p := line.Pair{From: w[recordFrom], Meter: line.Meter{Multiplier: w[recordMultiplier], Up: uint(w[recordUp])}}
	if w[recordUp] > 60 || p.Meter.Multiplier < 1<<61 {
		return p, fmt.Errorf("a counter with ticks of %d·2^(%d−64) ns is not credible", p.Meter.Multiplier, w[recordUp])
	}
	p.Span = p.Meter.Span()
	for at, e := range map[int]*line.Edge{lower: &p.Lower, upper: &p.Upper} {
		*e = line.Edge{At: w[at], Time: int64(w[at+1]), Rate: w[at+2], Until: w[at+3], Ends: true, After: w[at+4]}
		if p.From-e.At > p.Meter.Span() || e.Until-p.From > p.Meter.Span() || e.Time < -line.TimeLimit || e.Time > line.TimeLimit {
			return p, fmt.Errorf("a line of it is out of range: %+v from %d", *e, p.From)
		}
		p.Span = min(p.Span, e.Until-p.From)
	}
	if earliest, latest := p.At(p.From); earliest > latest {
		return p, fmt.Errorf("its lines are upside down: %d to %d", earliest, latest)
	}
	return p, nil
}
