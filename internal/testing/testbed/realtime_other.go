//go:build !linux

package testbed

import "time"

// Realtime returns the system's clock in nanoseconds since the Unix epoch. It is the truth in these
// tests, because it is the clock that an honest daemon serves.
func Realtime() int64 { return time.Now().UnixNano() }
