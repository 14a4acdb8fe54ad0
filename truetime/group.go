package truetime

// Group makes several sources share one vote: addresses of one operator, receivers on one antenna,
// whatever can only be right or wrong together. Without it a single operator could outvote all the
// others. The vote is what a majority within the group agrees on.
//
//	sources := truetime.Group("example.net",
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.net"))
func Group(name string, sources ...Source) []Source {
	grouped := make([]Source, len(sources))
	for i, s := range sources {
		grouped[i] = member{s, name}
	}
	return grouped
}

// member is a source that shares its vote.
type member struct {
	Source
	group string
}

func ungrouped(s Source) Source {
	for {
		m, ok := s.(member)
		if !ok {
			return s
		}
		s = m.Source
	}
}
