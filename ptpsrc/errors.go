package ptpsrc

import (
	"fmt"
	"net"

	"github.com/epsilontime/epsilon/truetime"
)

// errClosed is what a Sample returns after the Port of its source has been closed.
var errClosed = fmt.Errorf("ptpsrc: the port has been closed: %w", net.ErrClosed)

func unusable(format string, values ...any) error {
	return fmt.Errorf("%w: %s", truetime.ErrUnusable, fmt.Sprintf(format, values...))
}
