package config

import (
	"slices"

	"github.com/epsilontime/epsilon/truetime"
)

// The library knows the limits of its options, and says so when a clock is made. To have it said with
// the line of each, a clock is made that cannot start, since its event function is nil; what that alone
// has for mistakes is left out.

// objections returns what truetime.New has against sources and options, without starting anything.
func objections(sources []truetime.Source, options ...truetime.Option) (texts []string) {
	usual := listed(nil, truetime.WithEvents(nil))
	for _, text := range listed(sources, append(slices.Clone(options), truetime.WithEvents(nil))...) {
		if !slices.Contains(usual, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func listed(sources []truetime.Source, options ...truetime.Option) (texts []string) {
	_, err := truetime.New(sources, options...)
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, mistake := range all.Unwrap() {
		texts = append(texts, mistake.Error())
	}
	return texts
}
