package clockbound

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// unusable is the error of a source that answers and gives no bound.
func unusable(format string, values ...any) error {
	return fmt.Errorf("%w: %w", truetime.ErrUnusable, fmt.Errorf(format, values...))
}
