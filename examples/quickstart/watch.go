package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// watch shows the clock once a second: in place on a terminal that is large enough, one block under
// the other elsewhere.
func watch(ctx context.Context, clock *truetime.Clock, duration time.Duration, out *output) {
	drawn := 0 // lines of the block that can be drawn over
	everySecond(ctx, duration, func() {
		text := describe(clock)
		height := strings.Count(text, "\n")
		width, rows := terminalSize(out.to)
		if height < rows {
			if drawn > 0 {
				fmt.Fprintf(out, "\x1b[%dA\x1b[J", drawn) // up to where the last one began, and clear
			}
			text, drawn = cut(text, width), height
		} else {
			drawn = 0
		}
		fmt.Fprint(out, text)
	})
}

// cut shortens every line to the width of the terminal: a line that wraps would not be drawn over.
func cut(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if runes := []rune(strings.TrimSuffix(line, "\n")); len(runes) >= width {
			line = string(runes[:max(width-1, 0)]) + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// describe renders the clock and its sources.
func describe(clock *truetime.Clock) string {
	var b strings.Builder
	status := clock.Status()
	if status.Err == nil {
		fmt.Fprintf(&b, "\n%v  ε = %v  %v, epoch %d\n", status.Interval, status.Uncertainty, status.State, status.Epoch)
	} else {
		fmt.Fprintf(&b, "\nno answer: %v, epoch %d\n", status.Err, status.Epoch)
	}
	for _, s := range status.Sources {
		fmt.Fprintf(&b, "  %-28s %-12v", s.Name, s.Verdict)
		if s.Stratum > 0 {
			fmt.Fprintf(&b, " delay %-12v claims ±%-12v stratum %d", s.Delay, s.Claim, s.Stratum)
		}
		if s.Err != nil {
			fmt.Fprintf(&b, " %v", s.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// commit takes a commit timestamp and waits it out, unless the run was interrupted.
func commit(ctx context.Context, clock *truetime.Clock, out *output) {
	now, err := clock.Now()
	if err != nil || ctx.Err() != nil {
		return // run reports it
	}
	start := time.Now()
	if err := commitwait.Until(ctx, clock, now.Latest); err != nil {
		fmt.Fprintf(out, "\n%v\n", err)
		return
	}
	fmt.Fprintf(out, "\ncommit timestamp %v has passed everywhere after a wait of %v (2ε was %v)\n",
		now.Latest, time.Since(start).Round(time.Microsecond), 2*now.Uncertainty())
}
