package daemon

import (
	"context"
	"io"
	"log/slog"

	"github.com/epsilontime/epsilon/truetime"
)

// NewLogger returns a logger that writes lines of text or of JSON.
func NewLogger(w io.Writer, json bool, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// levelOf says how much an event matters to who runs the host.
func levelOf(e truetime.Event) slog.Level {
	switch e.Kind {
	case truetime.EventDisruption, truetime.EventRecorder:
		return slog.LevelWarn
	case truetime.EventState:
		switch e.State {
		case truetime.ClockFaulty:
			return slog.LevelError
		case truetime.Holdover, truetime.Unsynchronized:
			return slog.LevelWarn
		}
	case truetime.EventVerdict:
		switch e.Verdict {
		case truetime.Falseticker, truetime.Convicted, truetime.Silent, truetime.Unusable:
			return slog.LevelWarn
		}
	}
	return slog.LevelInfo
}

// logEvent writes what has happened to the clock as a message for people, with what it is made of.
func logEvent(log *slog.Logger, e truetime.Event) {
	log.LogAttrs(context.Background(), levelOf(e), e.String(), slog.Any("event", e))
}
