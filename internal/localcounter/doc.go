// Package localcounter chooses, reads and watches the counter of this machine that nobody steers.
//
// Package monotonic makes a monotonic.Counter of it, which is all that users of the library see.
// What only a clock needs is here: the processor's counter without an indirection ([Hardware]), the
// system's own counter beside it ([Counter.Reference]), and the [Watch] that notices disruptions
// and measures the rate of the one against the other.
//
// Readings are int64 nanoseconds, which package monotonic gives their type.
package localcounter
