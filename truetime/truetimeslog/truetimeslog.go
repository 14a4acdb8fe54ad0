// Package truetimeslog adds to each record of a log the interval that true time is in when it is written: two records, be they of
// two machines, are certainly in order if their intervals do not overlap.
//
//	log := slog.New(truetimeslog.Handler(slog.NewJSONHandler(os.Stderr, nil), clock))
package truetimeslog

import (
	"log/slog"

	"github.com/epsilontime/epsilon/internal/slogattr"
	"github.com/epsilontime/epsilon/truetime"
)

// What is added: the interval in its text form, earliest/latest in smeared UTC to the nanosecond, or why there is none.
const (
	Key        = "true_time"
	KeyRefused = "true_time_refused"
)

// Handler adds the interval to each record, outside of every group, and gives it to next. The record's own time stays what it is.
// It costs a reading of the clock for each record that is written. It panics if next or clock is nil.
func Handler(next slog.Handler, clock truetime.Reader) slog.Handler {
	if next == nil || clock == nil {
		panic("truetimeslog: there must be a handler and a clock")
	}
	return slogattr.Handler(next, func() slog.Attr {
		now, err := clock.Now()
		if err != nil {
			return slog.String(KeyRefused, err.Error())
		}
		text, err := now.MarshalText()
		if err != nil { // a clock that answers with what is no interval
			return slog.String(KeyRefused, err.Error())
		}
		return slog.String(Key, string(text))
	})
}
