package hlc_test

import (
	"context"
	"sync"

	"github.com/epsilontime/epsilon/hlc"
)

// memoryStore keeps the bound across clocks, and fails or stalls when told to.
type memoryStore struct {
	mu    sync.Mutex
	bound hlc.Timestamp
	fail  error
	stall chan struct{} // Save waits for it to be closed, if it is not nil,
	deaf  bool          // and does not heed its context
	saves int
}

func (s *memoryStore) Load(context.Context) (hlc.Timestamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound, s.fail
}

func (s *memoryStore) Save(ctx context.Context, bound hlc.Timestamp) error {
	s.mu.Lock()
	stall := s.stall
	if s.deaf {
		ctx = context.Background()
	}
	s.mu.Unlock()
	if stall != nil {
		select {
		case <-stall:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	if s.fail != nil {
		return s.fail
	}
	s.bound = bound
	return nil
}

func (s *memoryStore) set(fail error, stall chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.stall = fail, stall
}

// saved returns the bound and how often it was saved.
func (s *memoryStore) saved() (hlc.Timestamp, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound, s.saves
}

// crashed is a copy of the store as a crash would leave it.
func (s *memoryStore) crashed() *memoryStore {
	bound, _ := s.saved()
	return &memoryStore{bound: bound}
}
