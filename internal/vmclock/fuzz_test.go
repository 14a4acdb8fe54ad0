package vmclock

import (
	"bytes"
	"testing"
)

// FuzzPage judges arbitrary pages at arbitrary readings of the counter. Nothing panics, and a
// reading that is accepted keeps every promise that it makes.
func FuzzPage(f *testing.F) {
	add := func(change func(*abi), now uint64) {
		a := good()
		change(&a)
		f.Add(a.bytes(), now)
	}
	add(func(*abi) {}, 1000)
	add(func(*abi) {}, 0)
	add(func(a *abi) { a.timeType, a.flags, a.taiOffsetSec = 1, a.flags|bitTAIOffset, -37 }, 1<<40)
	add(func(a *abi) { a.counterPeriodShift = 63 }, 1<<63)
	add(func(a *abi) { a.counterPeriodFracSec, a.counterPeriodShift = 0x89705F4136B4A597, 29 }, 1<<50)
	add(func(a *abi) { a.leapIndicator = 1 }, 1<<33)
	add(func(a *abi) { a.timeSec, a.timeMaxErrorNanosec = 7_258_118_400, 315_360_000_000_000_000 }, 1001)
	f.Add(append(good().bytes(), make([]byte, 4096-112)...), uint64(1000))
	f.Add([]byte("VCLK"), uint64(0))

	f.Fuzz(func(t *testing.T, content []byte, now uint64) {
		p := pageOf(content)
		var live livePage
		for i, word := range p {
			live[i].Store(word)
		}
		if err := live.identify(); err == nil && !bytes.HasPrefix(content, []byte("VCLK")) {
			t.Fatal("this is no VMClock page")
		}
		s := snapshot{page: p, before: 1, counter: 1, ticks: now, after: 2}
		r, err := s.reading()
		if err != nil {
			if r != (Reading{}) {
				t.Fatalf("an error and a reading: %+v", r)
			}
			return
		}
		a := abi{
			timeType: p.timeType(), counterValue: p[5], counterPeriodFracSec: p[6], counterPeriodShift: p.shift(),
			counterPeriodMaxErrorRate: p[8], timeSec: p[9], timeFracSec: p[10], timeMaxErrorNanosec: p[12], taiOffsetSec: p.taiOffset(),
		}
		requireOutward(t, a, now, r.UnixNano, r.MaxError)
		switch {
		case r.Status != StatusSynchronized && r.Status != StatusFreeRunning:
			t.Fatalf("status %v", r.Status)
		case r.Leap == LeapPositive || r.Leap > LeapAfterNegative:
			t.Fatalf("leap %v", r.Leap)
		case p.counterID() != 1 || p.timeType() > 1:
			t.Fatal("a time for another counter, or in another scale")
		case p[3]&(bitPeriodMaxError|bitTimeMaxError) != bitPeriodMaxError|bitTimeMaxError:
			t.Fatal("a bound that the hypervisor does not claim")
		}
	})
}
