package truetime

import "log/slog"

// LogValue returns the report as a group, for [log/slog]: what Now answers and why, and what is the
// matter. Sources have one group each, by name.
func (s Status) LogValue() slog.Value {
	a := attributes{slog.String("state", s.State.String())}
	if s.Interval.Valid() {
		a.add(slog.String("earliest", s.Interval.Earliest.String()), slog.String("latest", s.Interval.Latest.String()),
			slog.Duration("uncertainty", s.Uncertainty), slog.String("budget", s.Budget.String()))
	}
	a.err(s.Err)
	a.add(slog.Uint64("epoch", s.Epoch))
	a.text("disruption", s.Disruption)
	a.add(slog.Int("voters", s.Voters), slog.Int("faulty", s.Faulty), slog.Int("heard", s.Heard), slog.Int("answering", s.Answering))
	a.text("leap_seconds", s.LeapSeconds.String())
	a.text("summary", s.Summary())
	var sources attributes
	for _, source := range s.Sources {
		sources.add(slog.Any(source.Name, source))
	}
	a.add(slog.Attr{Key: "sources", Value: slog.GroupValue(sources...)})
	return slog.GroupValue(a...)
}

// LogValue returns the report as a group, for [log/slog].
func (s SourceStatus) LogValue() slog.Value {
	a := attributes{slog.String("verdict", s.Verdict.String())}
	a.err(s.Err)
	if s.Interval.Valid() {
		a.add(slog.Duration("uncertainty", s.Interval.Uncertainty()), slog.Duration("delay", s.Delay), slog.Duration("claim", s.Claim),
			slog.Duration("age", s.Age))
		if s.MinDelay > 0 {
			a.add(slog.Duration("min_delay", s.MinDelay))
		}
	}
	a.add(slog.Duration("poll", s.Poll))
	return slog.GroupValue(a...)
}

// LogValue returns what is set of the event as a group, for [log/slog].
func (e Event) LogValue() slog.Value {
	a := attributes{slog.String("kind", e.Kind.String()), slog.Uint64("epoch", e.Epoch)}
	switch e.Kind {
	case EventState:
		a.text("state", e.State.String())
	case EventVerdict:
		a.text("verdict", e.Verdict.String())
	}
	a.text("source", e.Source)
	a.text("reason", e.Reason)
	a.err(e.Err)
	if e.Dropped > 0 {
		a.add(slog.Int("dropped", e.Dropped))
	}
	return slog.GroupValue(a...)
}

// attributes are those of one group.
type attributes []slog.Attr

func (a *attributes) add(more ...slog.Attr) { *a = append(*a, more...) }

// text adds text unless it is empty.
func (a *attributes) text(key, value string) {
	if value != "" {
		a.add(slog.String(key, value))
	}
}

func (a *attributes) err(err error) {
	if err != nil {
		a.text("err", err.Error())
	}
}
