package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// watch shows the clock once a second: in place on a terminal, one block under the
// other elsewhere.
func watch(ctx context.Context, clock *truetime.Clock, duration time.Duration, stdout io.Writer) {
	terminal := isTerminal(stdout)
	height := 0
	everySecond(ctx, duration, func() {
		text := describe(clock)
		if terminal && height > 0 {
			fmt.Fprintf(stdout, "\x1b[%dA\x1b[J", height) // up to where the last one began, and clear
		}
		height = strings.Count(text, "\n")
		fmt.Fprint(stdout, text)
	})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// describe renders the clock and its sources.
func describe(clock *truetime.Clock) string {
	var b strings.Builder
	status := clock.Status()
	if now, err := clock.Now(); err == nil {
		fmt.Fprintf(&b, "\n%v  ε = %v  %v, epoch %d\n", now, now.Uncertainty(), status.State, status.Epoch)
	} else {
		fmt.Fprintf(&b, "\nno answer: %v, epoch %d\n", err, status.Epoch)
	}
	for _, s := range status.Sources {
		fmt.Fprintf(&b, "  %-28s %-12v", s.Name, s.Verdict)
		if s.Stratum > 0 {
			fmt.Fprintf(&b, " delay %-12v claims ±%-12v stratum %d", s.Delay, s.Error, s.Stratum)
		}
		if s.Err != nil {
			fmt.Fprintf(&b, " %v", s.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// commit takes a commit timestamp and waits it out.
func commit(clock *truetime.Clock, stdout io.Writer) {
	now, err := clock.Now()
	if err != nil {
		return // run reports it
	}
	// Not the context of the run, which has ended: the wait takes about 2ε.
	ctx, cancel := context.WithTimeout(context.Background(), 4*now.Uncertainty()+time.Second)
	defer cancel()
	start := time.Now()
	if err := commitwait.Until(ctx, clock, now.Latest); err != nil {
		fmt.Fprintf(stdout, "\ncommit timestamp %v could not be waited out: %v\n", now.Latest, err)
		return
	}
	fmt.Fprintf(stdout, "\ncommit timestamp %v has passed everywhere after a wait of %v (2ε was %v)\n",
		now.Latest, time.Since(start).Round(time.Microsecond), 2*now.Uncertainty())
}
