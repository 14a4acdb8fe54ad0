package truetime_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

func commit(ctx context.Context, servers ...string) error {
	clock, err := truetime.New(ntpsrc.Servers(servers...))
	if err != nil {
		return err // every mistake in the configuration
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		return err // which servers did not answer, and why
	}
	now, err := clock.Now() // true time is between now.Earliest and now.Latest
	if err != nil {
		return err // no sound answer at this moment
	}
	return commitwait.Until(ctx, clock, now.Latest) // the commit timestamp has passed, everywhere
}

func Example() {
	var servers []string // such as "ntp1.example.net"; here on loopback
	for range 4 {
		s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer s.Close()
		servers = append(servers, s.Address())
	}
	if err := commit(context.Background(), servers...); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("committed")
	// Output: committed
}

// The example of the README is the function above, to the letter.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(source), "\nfunc commit(")
	require.True(t, found)
	body, _, found := strings.Cut(rest, "\n}\n")
	require.True(t, found)

	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\nfunc commit("+body+"\n}\n```\n")
	require.Equal(t, 1, strings.Count(string(readme), "```go"), "code that nothing compiles")
}
