package leasetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/lease"
)

func TestStoresOfThisModulePass(t *testing.T) {
	t.Run("MemoryStore", func(t *testing.T) {
		TestStore(t, func(*testing.T) lease.Store { return new(lease.MemoryStore) })
	})
	t.Run("FileStore", func(t *testing.T) {
		TestStore(t, func(t *testing.T) lease.Store {
			store, err := lease.OpenFileStore(t.TempDir())
			require.NoError(t, err)
			return store
		})
	})
}

// encoded keeps records as most stores will: as bytes, with the version apart.
type encoded struct {
	mu       sync.Mutex
	records  map[string][]byte
	revision uint64
	versions map[string]uint64
}

func (e *encoded) Load(ctx context.Context, name string) (r lease.Record, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if data, ok := e.records[name]; ok {
		err = r.UnmarshalBinary(data)
	}
	r.Version = e.versions[name]
	return r, errors.Join(err, ctx.Err())
}

func (e *encoded) CompareAndSwap(ctx context.Context, name string, version uint64, next lease.Record) (uint64, error) {
	data, err := next.MarshalBinary()
	if err = errors.Join(err, ctx.Err()); err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.versions[name] != version {
		return 0, lease.ErrConflict
	}
	e.revision++
	e.records[name], e.versions[name] = data, e.revision
	return e.revision, nil
}

func TestAStoreOfEncodedRecordsPasses(t *testing.T) {
	TestStore(t, func(*testing.T) lease.Store {
		return &encoded{records: map[string][]byte{}, versions: map[string]uint64{}}
	})
}

// faulty is a store in memory with one fault.
type faulty struct {
	fault string

	mu      sync.Mutex
	records map[string]lease.Record
	before  map[string]lease.Record
}

func (f *faulty) Load(ctx context.Context, name string) (lease.Record, error) {
	if err := ctx.Err(); err != nil && f.fault != "ignores contexts" {
		return lease.Record{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.records[name]
	switch f.fault {
	case "invents a record":
		if r.Version == 0 {
			return lease.Record{Token: 1}, nil
		}
	case "forgets the session":
		r.Session = lease.Session{}
	case "rounds to float64":
		r.Expiry = r.Expiry &^ 1023
	case "reads stale":
		if r.Token%2 == 0 && r.Token > 2 {
			return f.before[name], nil
		}
	}
	return r, nil
}

func (f *faulty) CompareAndSwap(ctx context.Context, name string, version uint64, next lease.Record) (uint64, error) {
	if err := ctx.Err(); err != nil && f.fault != "ignores contexts" {
		if f.fault == "calls everything a conflict" {
			err = lease.ErrConflict
		}
		return 0, err
	}
	if f.fault == "mixes up names" {
		name = name[:min(len(name), 64)]
	}
	f.mu.Lock()
	present := f.records[name]
	if f.fault == "compares without a lock" {
		f.mu.Unlock()
		runtime.Gosched()
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	if present.Version != version && f.fault != "does not compare" {
		return 0, lease.ErrConflict
	}
	next.Version = version + 1
	if f.fault == "keeps the version" && version > 0 {
		next.Version = version
	}
	f.before[name] = present
	f.records[name] = next
	return next.Version, nil
}

// The suite is worth what it finds.
func TestEveryFaultIsFound(t *testing.T) {
	faults := map[string]string{
		"invents a record":            "WhatWasNeverStoredIsTheZeroRecord",
		"forgets the session":         "EveryFieldComesBack",
		"rounds to float64":           "ExtremeValuesComeBack",
		"keeps the version":           "VersionsGrow",
		"does not compare":            "AnotherVersionIsAConflict",
		"mixes up names":              "NamesAreApart",
		"ignores contexts":            "AnEndedContextIsNoConflict",
		"calls everything a conflict": "AnEndedContextIsNoConflict",
		"reads stale":                 "ALoadSeesWhatWasConfirmedBefore",
	}
	for fault, name := range faults {
		t.Run(fault, func(t *testing.T) { require.Error(t, runCheck(t, fault, name)) })
	}
	t.Run("does not compare, created", func(t *testing.T) { require.Error(t, runCheck(t, "does not compare", "OneOfManyCreates")) })
	t.Run("none", func(t *testing.T) {
		for _, c := range checks() {
			require.NoError(t, runCheck(t, "", c.name), c.name)
		}
	})
}

// A lost update needs two clients at the same moment, so it is given several chances.
func TestALostUpdateIsFound(t *testing.T) {
	for range 1000 {
		if runCheck(t, "compares without a lock", "NoUpdateIsLost") != nil {
			return
		}
	}
	t.Fatal("never found")
}

func runCheck(t *testing.T, fault, name string) error {
	store := &faulty{fault: fault, records: map[string]lease.Record{}, before: map[string]lease.Record{}}
	for _, c := range checks() {
		if c.name == name {
			return c.run(t.Context(), store)
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
