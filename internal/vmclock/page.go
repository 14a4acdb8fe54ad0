package vmclock

import "sync/atomic"

// The page begins with struct vmclock_abi: 112 bytes, little-endian, every field aligned to its own
// size (Linux include/uapi/linux/vmclock-abi.h). Here it is fourteen words of 64 bits, because each
// of them can be loaded at once, without a tear inside a word:
//
//	word  fields, the lowest bits first
//	 0    magic 32, size 32
//	 1    version 16, counter_id 8, time_type 8, seq_count 32
//	 2    disruption_marker
//	 3    flags
//	 4    pad 16, clock_status 8, leap_second_smearing_hint 8, tai_offset_sec 16 (signed),
//	      leap_indicator 8, counter_period_shift 8
//	 5    counter_value
//	 6    counter_period_frac_sec                  in 2^−(64+shift) s
//	 7    counter_period_esterror_rate_frac_sec    an estimate, which bounds nothing: never read here
//	 8    counter_period_maxerror_rate_frac_sec    in 2^−(64+shift) s
//	 9    time_sec
//	10    time_frac_sec                            in 2^−64 s
//	11    time_esterror_nanosec                    an estimate, which bounds nothing: never read here
//	12    time_maxerror_nanosec
//	13    vm_generation_counter
const (
	pageWords = 14
	pageBytes = 8 * pageWords

	wordMagic           = 0
	wordSequence        = 1
	wordMarker          = 2
	wordFlags           = 3
	wordStatus          = 4
	wordCounterValue    = 5
	wordPeriod          = 6
	wordPeriodMaxError  = 8
	wordSeconds         = 9
	wordSecondsFraction = 10
	wordTimeMaxError    = 12
	wordGeneration      = 13
)

const (
	magic   = 0x4b4c4356 // "VCLK"
	version = 1

	counterARMVirtual = 0
	counterX86TSC     = 1
	counterInvalid    = 0xff

	timeUTC       = 0
	timeTAI       = 1
	timeMonotonic = 2 // since an unknown moment

	flagTAIOffsetValid      = 1 << 0
	flagPeriodMaxErrorValid = 1 << 4
	flagTimeMaxErrorValid   = 1 << 6
	flagGenerationPresent   = 1 << 8
)

// livePage is the page as the hypervisor changes it.
type livePage [pageWords]atomic.Uint64

// page is a copy of it at one moment.
type page [pageWords]uint64

func (p *page) magic() uint32     { return uint32(p[wordMagic]) }
func (p *page) size() uint32      { return uint32(p[wordMagic] >> 32) }
func (p *page) version() uint16   { return uint16(p[wordSequence]) }
func (p *page) counterID() uint8  { return uint8(p[wordSequence] >> 16) }
func (p *page) timeType() uint8   { return uint8(p[wordSequence] >> 24) }
func (p *page) status() Status    { return Status(p[wordStatus] >> 16) }
func (p *page) taiOffset() int16  { return int16(p[wordStatus] >> 32) }
func (p *page) leap() Leap        { return Leap(p[wordStatus] >> 48) }
func (p *page) shift() uint8      { return uint8(p[wordStatus] >> 56) }
func (p *page) has(f uint64) bool { return p[wordFlags]&f == f }

// updating reports whether the word of the sequence count says that an update is going on.
func updating(sequence uint64) bool { return sequence>>32&1 == 1 }
