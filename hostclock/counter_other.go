//go:build !amd64 && !arm64

package hostclock

// hardwareCounter is no counter that a record may have.
const hardwareCounter = 0
