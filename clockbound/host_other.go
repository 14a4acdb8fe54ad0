//go:build !linux

package clockbound

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// thisHost has no ClockBound.
type thisHost struct{}

func (thisHost) usable() error { return errNotHere }

func (thisHost) open(string) (io.ReaderAt, bool, func(), error) { return nil, false, nil, errNotHere }

func (thisHost) clocks(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNotHere
}

func (thisHost) watch() (watch, error) { return nil, errNotHere }

func (thisHost) notice() (notice, error) { return nil, errNotHere }

func (thisHost) coarse() (int64, error) { return 0, errNotHere }

func (thisHost) tick() (time.Duration, error) { return 0, errNotHere }

func (thisHost) wall() truetime.Time { return wallclock.System() }

func (thisHost) create(string) (segmentFile, error) { return nil, errNotHere }

var errNotHere = fmt.Errorf("ClockBound's segments exist on Linux only, and this is %s", runtime.GOOS)
