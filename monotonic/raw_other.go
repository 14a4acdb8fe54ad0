//go:build !linux && !darwin && !windows

package monotonic

import (
	"errors"
	"runtime"
)

const rawName = "an unslewed counter"

func readRaw() (int64, error) {
	return 0, errors.New("none is known for " + runtime.GOOS + "; pass a counter of your own")
}
