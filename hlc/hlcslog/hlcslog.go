// Package hlcslog adds a hybrid logical timestamp to each record of a log: sorted by them, the records of many services are in an
// order in which no effect is before its cause.
//
//	log := slog.New(hlcslog.Handler(slog.NewJSONHandler(os.Stderr, nil), clock))
package hlcslog

import (
	"log/slog"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/internal/slogattr"
)

// What is added: the timestamp in its text form, nanoseconds in decimal, or why there is none.
const (
	Key        = "hlc"
	KeyRefused = "hlc_refused"
)

// Clock gives timestamps: an [hlc.Clock].
type Clock interface {
	Now() (hlc.Timestamp, error)
}

// Handler adds a timestamp of its own to each record, outside of every group, and gives it to next. It panics if next or
// clock is nil.
func Handler(next slog.Handler, clock Clock) slog.Handler {
	if next == nil || clock == nil {
		panic("hlcslog: there must be a handler and a clock")
	}
	return slogattr.Handler(next, func() slog.Attr {
		now, err := clock.Now()
		if err != nil {
			return slog.String(KeyRefused, err.Error())
		}
		return slog.String(Key, now.String())
	})
}
