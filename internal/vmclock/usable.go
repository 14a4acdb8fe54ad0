package vmclock

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// The offset that the Linux driver adds to TAI, UTC − TAI in seconds, has been −10 since UTC began
// (1972) and −37 since 2017. A positive one means that the hypervisor took the field for TAI − UTC,
// as version 1.0 of the specification has it, and that every other reader of it is 74 s off.
const (
	minTAIOffset = -100
	maxTAIOffset = -10
)

func noTime(format string, values ...any) error {
	return fmt.Errorf("%w: %w", ErrNoTime, fmt.Errorf(format, values...))
}

// usable returns an error if the page does not claim a bound for UTC in terms of this processor's
// counter, which has the id own. Whether the numbers make sense is for timeAt to say.
func (p *page) usable(own uint8) error {
	switch id := p.counterID(); {
	case id == counterInvalid:
		return noTime("the hypervisor gives no time, only the disruption marker (counter id 255); use another source")
	case id != own:
		return noTime("the page is about the counter with id %d, and this processor's has id %d", id, own)
	}
	switch s := p.status(); s {
	case StatusSynchronized, StatusFreeRunning:
	default:
		return noTime("the hypervisor's clock is not synchronized: %v", s)
	}
	if !p.has(flagTimeMaxErrorValid | flagPeriodMaxErrorValid) {
		return noTime("the hypervisor does not bound the error of its time: flags %#x lack %#x", p[wordFlags], flagTimeMaxErrorValid|flagPeriodMaxErrorValid)
	}
	switch l := p.leap(); {
	case l == LeapPositive:
		return noTime("a leap second is passing, in which UTC has no number of its own")
	case l > LeapAfterNegative:
		return noTime("%v is not known", l)
	}
	return p.scaleUsable()
}

// scaleUsable returns an error if the page's time cannot be turned into UTC.
func (p *page) scaleUsable() error {
	switch t := p.timeType(); t {
	case timeUTC:
		return nil
	case timeTAI:
		if !p.has(flagTAIOffsetValid) {
			return noTime("the page has TAI and no valid offset to UTC: flags %#x lack %#x", p[wordFlags], flagTAIOffsetValid)
		}
		if o := p.taiOffset(); o < minTAIOffset || o > maxTAIOffset {
			return noTime("an offset of %+d s from TAI to UTC cannot be: it is −37 s since 2017 (a hypervisor that says +37 means the opposite direction)", o)
		}
		return nil
	case timeMonotonic:
		return noTime("the page has a monotonic time, which is not UTC")
	default:
		return noTime("time type %d is smeared or not known", t)
	}
}

// ownCounter is the id of the counter that ticks.Read reads, and counterInvalid if it reads none.
func ownCounter() uint8 {
	switch ticks.ClockSource {
	case "tsc":
		return counterX86TSC
	case "arch_sys_counter":
		return counterARMVirtual
	default:
		return counterInvalid
	}
}
