package leasetest

import (
	"context"
	"testing"

	"github.com/epsilontime/epsilon/lease"
)

// TestStore tests the stores that newStore returns: each check gets a new one, or at least one that
// has no record with a name beginning with "leasetest". They run in less than a second on a store
// in memory, and need a few thousand operations.
func TestStore(t *testing.T, newStore func(t *testing.T) lease.Store) {
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
	run  func(ctx context.Context, store lease.Store) error
}

func checks() []check {
	return []check{
		{"WhatWasNeverStoredIsTheZeroRecord", emptyIsZero},
		{"EveryFieldComesBack", fieldsComeBack},
		{"VersionsGrow", versionsGrow},
		{"AnotherVersionIsAConflict", otherVersionConflicts},
		{"ExtremeValuesComeBack", extremesComeBack},
		{"NamesAreApart", namesAreApart},
		{"AnEndedContextIsNoConflict", endedContext},
		{"OneOfManyCreates", oneCreates},
		{"NoUpdateIsLost", noLostUpdates},
		{"ALoadSeesWhatWasConfirmedBefore", loadsAreFresh},
	}
}
