package hlctest

import (
	"context"
	"testing"

	"github.com/epsilontime/epsilon/hlc"
)

// TestStore tests the stores that newStore returns: each check gets a new one, in which nothing has
// been saved. They make a few hundred operations, one at a time, as a clock does.
func TestStore(t *testing.T, newStore func(t *testing.T) hlc.Store) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.Context(), newStore(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one thing that a store must do. It returns what it found wrong.
type check struct {
	name string
	run  func(ctx context.Context, store hlc.Store) error
}

func checks() []check {
	return []check{
		{"WhatWasNeverSavedIsZero", emptyIsZero},
		{"TheLastBoundComesBack", lastComesBack},
		{"ExtremeBoundsComeBack", extremesComeBack},
		{"TheClosingSaveLowersTheBound", closingLowers},
		{"TheSameBoundTwice", sameTwice},
		{"AClockGoesOn", clockGoesOn},
		{"AnEndedContextLosesNothing", endedContext},
		{"ASaveThatWasGivenUpIsDoneOrNot", givenUpIsDoneOrNot},
		{"ASaveThatWasGivenUpIsNotDoneLater", givenUpIsNotDoneLater},
		{"ALoadThatWasGivenUpChangesNothing", givenUpLoad},
	}
}
