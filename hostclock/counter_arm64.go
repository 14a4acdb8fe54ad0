package hostclock

// hardwareCounter is the processor's counter in a record.
const hardwareCounter = counterCNTVCT
