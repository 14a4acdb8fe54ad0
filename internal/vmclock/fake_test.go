package vmclock

import (
	"encoding/binary"
)

// abi is struct vmclock_abi as Linux include/uapi/linux/vmclock-abi.h declares it, written to bytes
// at the offsets that a C compiler gives it, so that the tests do not read the page by the code
// that they test.
type abi struct {
	magic, size               uint32
	version                   uint16
	counterID, timeType       uint8
	seqCount                  uint32
	disruptionMarker, flags   uint64
	clockStatus, smearingHint uint8
	taiOffsetSec              int16
	leapIndicator             uint8
	counterPeriodShift        uint8
	counterValue              uint64
	counterPeriodFracSec      uint64
	counterPeriodEstErrorRate uint64
	counterPeriodMaxErrorRate uint64
	timeSec, timeFracSec      uint64
	timeEstErrorNanosec       uint64
	timeMaxErrorNanosec       uint64
	vmGenerationCounter       uint64
}

func (a abi) bytes() []byte {
	b, le := make([]byte, 112), binary.LittleEndian
	le.PutUint32(b[0:], a.magic)
	le.PutUint32(b[4:], a.size)
	le.PutUint16(b[8:], a.version)
	b[10], b[11] = a.counterID, a.timeType
	le.PutUint32(b[12:], a.seqCount)
	le.PutUint64(b[16:], a.disruptionMarker)
	le.PutUint64(b[24:], a.flags)
	b[34], b[35] = a.clockStatus, a.smearingHint
	le.PutUint16(b[36:], uint16(a.taiOffsetSec))
	b[38], b[39] = a.leapIndicator, a.counterPeriodShift
	le.PutUint64(b[40:], a.counterValue)
	le.PutUint64(b[48:], a.counterPeriodFracSec)
	le.PutUint64(b[56:], a.counterPeriodEstErrorRate)
	le.PutUint64(b[64:], a.counterPeriodMaxErrorRate)
	le.PutUint64(b[72:], a.timeSec)
	le.PutUint64(b[80:], a.timeFracSec)
	le.PutUint64(b[88:], a.timeEstErrorNanosec)
	le.PutUint64(b[96:], a.timeMaxErrorNanosec)
	le.PutUint64(b[104:], a.vmGenerationCounter)
	return b
}

// page is what a reader finds.
func (a abi) page() page { return pageOf(a.bytes()) }

// pageOf turns bytes, of which any that are missing are 0, into words.
func pageOf(b []byte) (p page) {
	var whole [112]byte
	copy(whole[:], b)
	for i := range p {
		p[i] = binary.LittleEndian.Uint64(whole[8*i:])
	}
	return p
}

// live is a page in ordinary memory, which a test changes.
func (a abi) live() *livePage {
	l := new(livePage)
	for i, w := range a.page() {
		l[i].Store(w)
	}
	return l
}

// begin is the first half of an update: the sequence count becomes odd.
func (l *livePage) begin() { l.addSequence() }

// end is the second half: the content, and a sequence count that is even again.
func (l *livePage) end(content abi) {
	for i, w := range content.page() {
		if i != 1 {
			l[i].Store(w)
		}
	}
	l.addSequence()
}

func (l *livePage) update(content abi) {
	l.begin()
	l.end(content)
}

// addSequence counts in the upper half of its word, so that it wraps without touching the rest.
func (l *livePage) addSequence() { l[1].Add(1 << 32) }

// flags of the ABI, by their bit numbers
const (
	bitTAIOffset      = 1 << 0
	bitPeriodEstError = 1 << 3
	bitPeriodMaxError = 1 << 4
	bitTimeEstError   = 1 << 5
	bitTimeMaxError   = 1 << 6
	bitGeneration     = 1 << 8
	bitNotification   = 1 << 9
)

// good is a page that gives UTC at tick 1000: 2026-07-15 12:00:00.5, ±100 ns. A tick is 2⁻¹⁰ s and
// its error 2⁻³⁰ s.
func good() abi {
	return abi{
		magic: 0x4b4c4356, size: 4096, version: 1,
		counterID: 1, timeType: 0,
		disruptionMarker: 77,
		flags:            bitPeriodMaxError | bitTimeMaxError | bitGeneration,
		clockStatus:      2,
		counterValue:     1000, counterPeriodShift: 9,
		counterPeriodFracSec: 1 << 63, counterPeriodMaxErrorRate: 1 << 43,
		timeSec: noon, timeFracSec: 1 << 63,
		timeMaxErrorNanosec: 100,
		// Estimates are not bounds: whoever uses them is far off.
		counterPeriodEstErrorRate: 1 << 60, timeEstErrorNanosec: 1 << 40,
		vmGenerationCounter: 5,
	}
}

const noon = 1_784_116_800 // 2026-07-15 12:00:00 UTC
