package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/epsilontime/epsilon/lease"
)

// Pebble is an engine in a folder of this machine.
//
// The conditions of a batch are looked at under a mutex, and the write joins the log under it too;
// the fsync is waited for outside, so that batches share one. What is in the log and not yet on the
// disk is shown to nobody: a read of such keys waits for the fsync.
type Pebble struct {
	db    *pebble.DB
	fatal func(string)

	mu       sync.Mutex
	closed   bool
	unsynced map[string]*flight
	flying   sync.WaitGroup
}

// flight is one fsync on its way.
type flight struct{ done chan struct{} }

// OpenPebble opens the folder, and makes it if need be. A failure of the disk ends every use of a
// log; fatal is called with one sentence about it and must not return, as os.Exit does not.
func OpenPebble(folder string, files vfs.FS, fatal func(string)) (*Pebble, error) {
	isNew, err := inspect(folder, files)
	if err != nil {
		return nil, fmt.Errorf("engine: cannot use %q: %w; nothing in it was changed", folder, err)
	}
	db, err := pebble.Open(folder, &pebble.Options{
		FS:                 files,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             quiet{fatal},
		EventListener: &pebble.EventListener{BackgroundError: func(err error) { // which it would try again for ever
			fatal(fmt.Sprintf("cannot write to the disk: %v; what was acknowledged is safe: make room, and start again", err))
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("engine: cannot open %q: %w", folder, err)
	}
	if isNew {
		if err := db.Set([]byte(bornKey), []byte("1"), pebble.Sync); err != nil {
			return nil, errors.Join(fmt.Errorf("engine: cannot write to %q: %w", folder, err), db.Close())
		}
	}
	return &Pebble{db: db, fatal: fatal, unsynced: make(map[string]*flight)}, nil
}

// bornKey is the first that is written to a folder. One in which it is not found has lost
// something, and Pebble itself may be content with what is left.
const bornKey = "\x00born"

// inspect looks at the folder and changes nothing in it, as opening does.
func inspect(folder string, files vfs.FS) (isNew bool, err error) {
	found, err := files.List(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if len(found) == 0 {
		return true, nil
	}
	seen, err := pebble.Peek(folder, files)
	if err != nil {
		return false, err
	}
	if !seen.Exists {
		return false, fmt.Errorf("%w: it has files such as %q and no database; use an empty folder", ErrFormat, found[0])
	}
	db, err := pebble.Open(folder, &pebble.Options{FS: files, ReadOnly: true, Logger: quiet{func(string) {}}})
	if err != nil {
		return false, fmt.Errorf("it is damaged, or in use by another process: %w", err)
	}
	defer db.Close()
	_, closer, err := db.Get([]byte(bornKey))
	if err != nil {
		return false, fmt.Errorf("%w: it is of something else, or half of it is missing: %w; restore it whole, or use an empty folder", ErrFormat, err)
	}
	return false, closer.Close()
}

// Read implements Engine.
func (p *Pebble) Read(ctx context.Context, ranges ...Range) ([][]Pair, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	snapshot := p.db.NewSnapshot()
	awaited := p.awaited(func(key string) bool { return within(key, ranges) })
	p.flying.Add(1)
	p.mu.Unlock()
	defer p.flying.Done()
	defer snapshot.Close()

	found := make([][]Pair, len(ranges))
	for i, r := range ranges {
		pairs, err := scan(snapshot, r)
		if err != nil {
			return nil, fmt.Errorf("engine: pebble: %w", err)
		}
		found[i] = pairs
	}
	return found, wait(ctx, awaited)
}

func scan(snapshot *pebble.Snapshot, r Range) (pairs []Pair, err error) {
	at, err := snapshot.NewIter(&pebble.IterOptions{LowerBound: []byte(r.From), UpperBound: []byte(r.To)})
	if err != nil {
		return nil, err
	}
	for ok := at.First(); ok && (r.Limit == 0 || len(pairs) < r.Limit); ok = at.Next() {
		pairs = append(pairs, Pair{string(at.Key()), bytes.Clone(at.Value())})
	}
	return pairs, at.Close()
}

// Apply implements Engine.
func (p *Pebble) Apply(ctx context.Context, batch Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if failed, err := p.check(batch.If); failed != "" || err != nil {
		awaited := p.awaited(func(key string) bool { return key == failed })
		p.mu.Unlock()
		if err != nil {
			return fmt.Errorf("engine: pebble: %w", err)
		}
		if err := wait(ctx, awaited); err != nil {
			return err
		}
		return fmt.Errorf("%w: %.80q", ErrConflict, failed)
	}
	b := p.db.NewBatch()
	defer b.Close()
	f := &flight{done: make(chan struct{})}
	for _, put := range batch.Put {
		_ = b.Set([]byte(put.Key), put.Value, nil) // a batch in memory cannot fail
		p.unsynced[put.Key] = f
	}
	for _, key := range batch.Delete {
		_ = b.Delete([]byte(key), nil)
		p.unsynced[key] = f
	}
	err := p.db.ApplyNoSyncWait(b, pebble.Sync)
	p.flying.Add(1)
	p.mu.Unlock()
	defer p.flying.Done()
	if err == nil {
		err = b.SyncWait()
	}
	if err != nil { // the batch is in memory, where it would be seen, and perhaps not on the disk
		p.fatal(fmt.Sprintf("cannot write to the disk: %v; what was acknowledged is safe: make room, and start again", err))
		return fmt.Errorf("engine: pebble: %w", err)
	}
	p.land(f, batch)
	return nil
}

// check returns the key of a condition that does not hold.
func (p *Pebble) check(conditions []Condition) (failed string, err error) {
	for _, c := range conditions {
		value, closer, err := p.db.Get([]byte(c.Key))
		if errors.Is(err, pebble.ErrNotFound) {
			if c.Value != nil {
				return c.Key, nil
			}
			continue
		}
		if err != nil {
			return "", err
		}
		holds := c.Value != nil && bytes.Equal(value, c.Value)
		if err := closer.Close(); err != nil || !holds {
			return c.Key, err
		}
	}
	return "", nil
}

// land makes known that the batch is on the disk.
func (p *Pebble) land(f *flight, batch Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, put := range batch.Put {
		if p.unsynced[put.Key] == f {
			delete(p.unsynced, put.Key)
		}
	}
	for _, key := range batch.Delete {
		if p.unsynced[key] == f {
			delete(p.unsynced, key)
		}
	}
	close(f.done)
}

func (p *Pebble) awaited(relevant func(key string) bool) (flights []*flight) {
	for key, f := range p.unsynced {
		if relevant(key) {
			flights = append(flights, f)
		}
	}
	return flights
}

func wait(ctx context.Context, flights []*flight) error {
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func within(key string, ranges []Range) bool {
	for _, r := range ranges {
		if r.From <= key && key < r.To {
			return true
		}
	}
	return false
}

// Leases implements Engine.
func (p *Pebble) Leases() lease.Store { return leases{p} }

// Close implements Engine.
func (p *Pebble) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.flying.Wait()
	return errors.Join(p.db.Flush(), p.db.Close()) // of flushed data, a missing part is noticed
}

// quiet drops what Pebble has to tell, but for its last words.
type quiet struct{ fatal func(string) }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (q quiet) Fatalf(text string, args ...any) {
	q.fatal(fmt.Sprintf("the storage engine cannot go on: "+text+"; what was acknowledged is on the disk", args...))
}
