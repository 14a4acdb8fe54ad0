//go:build !linux

package ptpsrc

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// hostPHC is of no use here: PTP hardware clocks are read on Linux only.
type hostPHC struct{}

var errNoPHC = errors.New("PTP hardware clocks can be read on Linux only")

func (hostPHC) path(string) (string, error)    { return "", errNoPHC }
func (hostPHC) open(string) (phcDevice, error) { return nil, errNoPHC }
func (hostPHC) raw() (int64, error)            { return 0, errNoPHC }
func (hostPHC) clocks(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNoPHC
}
func (hostPHC) clocksWallLast(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNoPHC
}
func (hostPHC) readFirst(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNoPHC
}
func (hostPHC) readLast(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errNoPHC
}
func (hostPHC) watch() (wallWatch, error)        { return nil, errNoPHC }
func explainDevice(path string, err error) error { return fmt.Errorf("reading %s: %w", path, err) }
