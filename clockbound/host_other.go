//go:build !linux

package clockbound

import (
	"fmt"
	"io"
	"runtime"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// thisHost has no ClockBound.
type thisHost struct{}

func (thisHost) usable() error { return errNotHere }

func (thisHost) open(string) (io.ReaderAt, bool, func(), error) { return nil, false, nil, errNotHere }

func (thisHost) clocks(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNotHere
}

func (thisHost) watch() (watch, error) { return nil, errNotHere }

var errNotHere = fmt.Errorf("ClockBound's segments exist on Linux only, and this is %s", runtime.GOOS)
