// Package plausible tells a time in nanoseconds from one in another unit.
package plausible

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// Oldest is the beginning of 1990. Nothing that is timed with this library is older, and the
// present in seconds, milliseconds or microseconds, taken for nanoseconds, lies in the first weeks
// of 1970.
const Oldest = truetime.Time(631_152_000_000_000_000)

// Timestamp returns an error if t is no timestamp of a commit, a reader or a participant: the zero
// Time, or a time before 1990. Waiting for the one or raising a floor to it would succeed at once,
// and mean nothing.
func Timestamp(t truetime.Time) error {
	switch {
	case t.IsZero():
		return errors.New("the timestamp is zero, which stands for no time")
	case t < Oldest:
		return fmt.Errorf("the timestamp %d is before 1990: it must be in nanoseconds since 1970", int64(t))
	}
	return nil
}
