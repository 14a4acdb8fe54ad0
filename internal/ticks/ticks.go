// Package ticks reads the processor's own counter, in ticks of a rate that has yet to be measured.
//
// Nothing here says whether the counter may be trusted to run at one rate for ever; [Usable] only
// says whether this process may read it and whether the processor promises that. The kernel knows
// more: whoever uses this package must also see that the kernel's current clocksource is
// [ClockSource].
package ticks

import "errors"

// ErrUnsupported is returned by Usable on a processor for which this package has no code.
var ErrUnsupported = errors.New("no code to read this processor's counter")
