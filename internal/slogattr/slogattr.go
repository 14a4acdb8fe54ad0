// Package slogattr adds an attribute to each record of a log at the moment when it is written, outside of every group.
package slogattr

import (
	"context"
	"log/slog"
)

// Handler gives each record to next with what attr returns.
func Handler(next slog.Handler, attr func() slog.Attr) slog.Handler {
	return &handler{root: next, next: next, attr: attr}
}

type handler struct {
	root   slog.Handler                      // to which the attribute is added
	groups []func(slog.Handler) slog.Handler // the first group and what was added since, which come after it
	next   slog.Handler                      // root with these
	attr   func() slog.Attr
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if len(h.groups) == 0 {
		r = r.Clone()
		r.AddAttrs(h.attr())
		return h.root.Handle(ctx, r)
	}
	next := h.root.WithAttrs([]slog.Attr{h.attr()})
	for _, add := range h.groups {
		next = add(next)
	}
	return next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if len(h.groups) == 0 {
		return Handler(h.root.WithAttrs(attrs), h.attr)
	}
	return h.within(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.within(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *handler) within(add func(slog.Handler) slog.Handler) slog.Handler {
	groups := append(h.groups[:len(h.groups):len(h.groups)], add)
	return &handler{h.root, groups, add(h.next), h.attr}
}
