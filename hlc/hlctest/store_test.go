package hlctest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
)

// memory is a store in memory, with at most one fault.
type memory struct {
	fault string

	mu     sync.Mutex
	bound  hlc.Timestamp
	before hlc.Timestamp   // what was saved before bound
	saves  int             // that were confirmed
	loads  int             // since the last Save
	late   []hlc.Timestamp // given up by the client, and still under way
}

func (m *memory) Load(ctx context.Context) (hlc.Timestamp, error) {
	if err := ctx.Err(); err != nil && m.fault != "ignores contexts" {
		if m.fault == "loads zero where it cannot tell" {
			return 0, nil
		}
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loads++; m.loads > 4 && m.fault == "does late what was given up" {
		m.arriveLocked()
	}
	switch {
	case m.fault == "does not begin at zero" && m.bound == 0:
		return 1, nil
	case m.fault == "rounds to float64":
		return m.bound &^ 127, nil
	case m.fault == "rounds to microseconds":
		return m.bound / 1000 * 1000, nil
	case m.fault == "forgets on the second Load" && m.loads == 2:
		return m.before, nil
	case m.fault == "shows what is not kept" && len(m.late) > 0 && m.loads == 1:
		return m.late[0], nil
	}
	return m.bound, nil
}

// arriveLocked carries out what clients have given up.
func (m *memory) arriveLocked() {
	for _, bound := range m.late {
		m.bound = bound
	}
	m.late = nil
}

func (m *memory) Save(ctx context.Context, bound hlc.Timestamp) error {
	err := ctx.Err()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads = 0
	if err != nil {
		switch m.fault {
		case "ignores contexts":
		case "confirms what it has not saved":
			return nil
		case "tears what is given up":
			m.bound = bound &^ 0xffff
			return err
		case "does late what was given up", "shows what is not kept":
			m.late = append(m.late, bound)
			return err
		default:
			return err
		}
	}
	switch m.fault {
	case "saves one too late":
		m.bound, m.before = m.before, bound
		return nil
	case "keeps the highest":
		bound = max(m.bound, bound)
	case "refuses what changes nothing":
		if bound == m.bound {
			return context.DeadlineExceeded
		}
	case "is full":
		if m.saves > 60 {
			return context.DeadlineExceeded
		}
	}
	m.saves++
	m.before, m.bound = m.bound, bound
	return nil
}

func TestStoresOfThisModulePass(t *testing.T) {
	t.Run("FileStore", func(t *testing.T) {
		TestStore(t, func(t *testing.T) hlc.Store {
			store, err := hlc.OpenFileStore(filepath.Join(t.TempDir(), "hlc"))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		})
	})
	t.Run("in memory", func(t *testing.T) {
		TestStore(t, func(*testing.T) hlc.Store { return new(memory) })
	})
	t.Run("in memory, without contexts", func(t *testing.T) {
		TestStore(t, func(*testing.T) hlc.Store { return &memory{fault: "ignores contexts"} })
	})
}

// server is a store behind a network: a request that is given up arrives later. Each request has a
// number, and each Load takes the numbering over.
type server struct {
	mu       sync.Mutex
	bound    hlc.Timestamp
	taken    int // by which numbering, the last one
	sequence int
	late     []func()
	plain    bool // the server does not look at the numbers

	mine, next int // of the client
}

func (s *server) Load(ctx context.Context) (hlc.Timestamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arriveLocked()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.taken++
	s.mine, s.sequence, s.next = s.taken, 0, 0
	return s.bound, nil
}

func (s *server) Save(ctx context.Context, bound hlc.Timestamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	mine, number := s.mine, s.next
	write := func() {
		if s.plain || s.taken == mine && s.sequence < number {
			s.bound, s.sequence = bound, number
		}
	}
	if err := ctx.Err(); err != nil {
		s.late = append(s.late, write)
		return err
	}
	write()
	return nil
}

func (s *server) arriveLocked() {
	for _, write := range s.late {
		write()
	}
	s.late = nil
}

func TestAServerThatNumbersItsRequestsPasses(t *testing.T) {
	TestStore(t, func(*testing.T) hlc.Store { return new(server) })
}

// The suite is worth what it finds.
func TestEveryFaultIsFound(t *testing.T) {
	faults := map[string]string{
		"does not begin at zero":          "WhatWasNeverSavedIsZero",
		"saves one too late":              "TheLastBoundComesBack",
		"forgets on the second Load":      "TheLastBoundComesBack",
		"is full":                         "TheLastBoundComesBack",
		"rounds to float64":               "ExtremeBoundsComeBack",
		"rounds to microseconds":          "ExtremeBoundsComeBack",
		"keeps the highest":               "TheClosingSaveLowersTheBound",
		"refuses what changes nothing":    "TheSameBoundTwice",
		"loads zero where it cannot tell": "AnEndedContextLosesNothing",
		"confirms what it has not saved":  "AnEndedContextLosesNothing",
		"tears what is given up":          "ASaveThatWasGivenUpIsDoneOrNot",
		"shows what is not kept":          "ASaveThatWasGivenUpIsDoneOrNot",
		"does late what was given up":     "ASaveThatWasGivenUpIsNotDoneLater",
	}
	for fault, name := range faults {
		t.Run(fault, func(t *testing.T) { require.Error(t, runCheck(t, &memory{fault: fault}, name)) })
	}
	t.Run("keeps the highest, with a clock", func(t *testing.T) {
		require.Error(t, runCheck(t, &memory{fault: "keeps the highest"}, "AClockGoesOn"))
	})
	t.Run("a server that looks at no numbers", func(t *testing.T) {
		require.Error(t, runCheck(t, &server{plain: true}, "ASaveThatWasGivenUpIsNotDoneLater"))
	})
	t.Run("none", func(t *testing.T) {
		for _, c := range checks() {
			require.NoError(t, runCheck(t, new(memory), c.name), c.name)
		}
	})
}

// takeover is a server whose Load, when it is given up, has taken the numbering over all the same, and
// does not tell its client.
type takeover struct{ server }

func (s *takeover) Load(ctx context.Context) (hlc.Timestamp, error) {
	if err := ctx.Err(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken++
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine != s.taken && s.mine != 0 {
		return 0, hlc.ErrInUse
	}
	s.mine = s.taken
	return s.bound, nil
}

func TestALoadThatLocksItselfOutIsFound(t *testing.T) {
	require.Error(t, runCheck(t, new(takeover), "ALoadThatWasGivenUpChangesNothing"))
}

func runCheck(t *testing.T, store hlc.Store, name string) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range checks() {
		if c.name == name {
			return c.run(ctx, store)
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
