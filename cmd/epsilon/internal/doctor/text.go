package doctor

import (
	"fmt"
	"strings"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
)

// Text shows findings to people.
func Text(found []Finding) string {
	if len(found) == 0 {
		return fmt.Sprintf("Nothing is wrong with this host's timekeeping, as far as %d checks can tell.\n", len(checks))
	}
	return fmt.Sprintf("%d finding%s by %d checks, the worst first.\n", len(found), map[bool]string{false: "s"}[len(found) == 1], len(checks)) + List(found)
}

// List shows findings one after the other, numbered.
func List(found []Finding) string {
	var b strings.Builder
	for i, f := range found {
		const indent = 5
		fmt.Fprintf(&b, "\n%3d. %s\n", i+1, view.Wrap(fmt.Sprintf("[%s] %s", f.Severity, f.Text), view.Width-indent, strings.Repeat(" ", indent)))
		fmt.Fprintf(&b, "     → %s\n", view.Wrap(f.Do, view.Width-indent-2, strings.Repeat(" ", indent+2)))
	}
	return b.String()
}
