package wallclock

// How the two messages of an exchange were stamped, as SourceStatus says it.
const (
	StampedByProgram  = "program"
	StampedReceive    = "kernel, receive only"
	StampedTransmit   = "kernel, transmit only"
	StampedByKernel   = "kernel"
	StampedUnsteadily = "program, as the wall clock was set or ran off meanwhile"
)
