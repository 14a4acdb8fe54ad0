package truetimeslog_test

import (
	"log/slog"
	"os"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimeslog"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func ExampleHandler() {
	clock := truetimetest.NewManual(truetime.FromStd(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)), time.Millisecond)
	text := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey { // so that the output is always the same
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(truetimeslog.Handler(text, clock))
	log.Info("paid", "amount", 7)
	clock.Refuse(truetime.ErrNotSynchronized)
	log.Info("paid", "amount", 8)
	// Output:
	// level=INFO msg=paid amount=7 true_time=2026-11-30T11:59:59.999000000Z/2026-11-30T12:00:00.001000000Z
	// level=INFO msg=paid amount=8 true_time_refused="truetime: not synchronized"
}
