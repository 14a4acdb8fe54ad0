package main

import "golang.org/x/sys/unix"

// In struct timex (adjtimex(2)): 16 binary digits of freq are behind the point, and a tick of 10 000 µs has one
// microsecond more for 100 ppm.
const (
	ppmPerFrequency = 1.0 / (1 << 16)
	usualTick       = 10_000
	ppmPerTick      = 100
)

// kernelCorrection returns by how much the kernel runs its clock faster than CLOCK_MONOTONIC_RAW, in ppm, and whether
// somebody steers it who says that it is synchronized. It changes nothing: no mode is set. The kernel's tolerance is not
// asked for, as it limits the correction and knows no oscillator.
func kernelCorrection() (ppm float64, steered bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		return 0, false
	}
	return float64(t.Freq)*ppmPerFrequency + float64(t.Tick-usualTick)*ppmPerTick, true
}
