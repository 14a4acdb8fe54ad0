package lease

import (
	"context"
	"fmt"
	"sync"
)

// MemoryStore is a [Store] in the memory of one process: for tests, and for goroutines that compete
// with each other. Its records, and so the tokens, begin again with the process. The zero value is
// ready for use.
type MemoryStore struct {
	mu      sync.Mutex
	records map[string]Record
}

// Load implements [Store].
func (m *MemoryStore) Load(ctx context.Context, name string) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[name], nil
}

// CompareAndSwap implements [Store]. It writes nothing if ctx has ended before.
func (m *MemoryStore) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if is := m.records[name].Version; is != version {
		return 0, conflict(name, is, version)
	}
	if m.records == nil {
		m.records = make(map[string]Record)
	}
	next.Version = version + 1
	m.records[name] = next
	return next.Version, nil
}

func conflict(name string, is, version uint64) error {
	return fmt.Errorf("%w: %.80q has version %d and not %d", ErrConflict, name, is, version)
}
