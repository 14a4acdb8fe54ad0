package main

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// stated is what those say about the rate of the counter that may know, in sentences.
func stated(counter monotonic.Counter) (all []string) {
	if device, err := vmclock.Open(vmclock.DefaultPath); err == nil {
		defer device.Close()
		if r, err := device.Read(counter); err == nil {
			all = append(all, hypervisorStates(r.PeriodMaxErrorPPM))
		}
	}
	if ppm, steered := kernelCorrection(); steered {
		all = append(all, daemonEstimates(ppm))
	}
	return all
}

func hypervisorStates(ppm float64) string {
	return fmt.Sprintf("the hypervisor, by VMClock: it knows the period of the processor's counter to within ±%.3g ppm on the present host; "+
		"the nominal rate that the kernel counts with may be farther from it", ppm)
}

// daemonEstimates tells by how much the kernel makes its clock faster than the counter.
func daemonEstimates(ppm float64) string {
	return fmt.Sprintf("the daemon that steers the system clock: the counter is %+.2f ppm off at present; that is an estimate and no bound, "+
		"and while it slews the clock the slew is part of it", -ppm)
}
