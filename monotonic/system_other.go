//go:build !linux

package monotonic

import (
	"fmt"
	"runtime"
)

func system() (Counter, error) {
	return nil, fmt.Errorf("monotonic: reading an unslewed counter is supported on linux only, this is %s; pass a counter of your own: %w", runtime.GOOS, ErrNoCounter)
}
