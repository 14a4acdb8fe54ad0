package truetime

import "errors"

// Group makes several sources share one vote: addresses of one operator, receivers on one antenna,
// whatever can only be right or wrong together. Without it a single operator could outvote all the
// others. The vote is what a majority within the group agrees on.
//
//	sources := truetime.Group("example.net",
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.net"))
//
// A source that is given to Group again belongs to the last group alone.
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

func (m member) Info() SourceInfo {
	i := info(m.Source)
	i.Group = m.group
	if m.group == "" && i.Err == nil {
		i.Err = errors.New("the name of its group is empty")
	}
	return i
}
