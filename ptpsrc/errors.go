package ptpsrc

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// ErrClosed: the [Port] of the source has been closed.
var ErrClosed = errors.New("ptpsrc: port closed")

func unusable(format string, values ...any) error {
	return fmt.Errorf("%w: %s", truetime.ErrUnusable, fmt.Sprintf(format, values...))
}
