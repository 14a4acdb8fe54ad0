//go:build !linux

package testbed

import "time"

func sleepBriefly(d time.Duration) { time.Sleep(d) }
