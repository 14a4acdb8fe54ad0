//go:build !(linux && (amd64 || arm64))

package vmclock

import (
	"errors"
	"fmt"
	"runtime"
)

type mapping struct {
	live *livePage
}

func mapPage(string) (mapping, error) {
	return mapping{}, fmt.Errorf("VMClock devices exist on linux/amd64 and linux/arm64 only, this is %s/%s; use another source: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

func (m mapping) unmap() {}
