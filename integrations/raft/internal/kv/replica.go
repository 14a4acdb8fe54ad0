package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime"
)

// Replica is one member. Its methods are for one goroutine, but for Begin, Look and Confirm.
type Replica struct {
	id      uint64
	raft    *raft.RawNode
	storage *raft.MemoryStorage
	lease   *epsilonraft.Lease

	writes       map[uint64]func(previous string)                // by the command's id
	byQuorum     map[uint64]func(get func(string) string) func() // by the id of the read
	confirmed    []raft.ReadState                                // waiting for what they say to be applied
	unreleased   []outcome                                       // applied, in the order of their index
	nextRead     uint64                                          // begins anywhere, as answers to the life before may still come
	compactEvery uint64
	compacted    uint64            // the entry of the latest snapshot
	members      *raftpb.ConfState // nil: as in the snapshot

	released func(index uint64) error // lease: Released
	onApply  func(command, uint64)    // for simulations
	synced   uint64                   // the commit index that a power failure leaves, for simulations

	mu      sync.RWMutex
	applied uint64
	data    map[string]string
}

// An outcome is something that may be told once index is released.
type outcome struct {
	index uint64
	tell  func()
}

// Config is what a Replica is made of.
type Config struct {
	ID             uint64
	Clock          truetime.Reader
	Lease          time.Duration
	Storage        *raft.MemoryStorage // what the member has kept, or that of NewStorage
	ElectionTicks  int
	HeartbeatTicks int
	CompactEvery   uint64 // after how many entries a snapshot is made; as many are kept for members that are a little behind

	tune func(*raft.Config) // for simulations, or nil
}

// NewStorage returns the storage of a member of a cluster that begins.
func NewStorage(voters ...uint64) *raft.MemoryStorage {
	storage := raft.NewMemoryStorage()
	first := &raftpb.Snapshot{
		Data: snapshot{Leases: epsilonraft.NoLeases(1)}.encode(), // lease: nothing is granted yet
		Metadata: &raftpb.SnapshotMetadata{
			Index: new(uint64(1)), Term: new(uint64(1)), ConfState: &raftpb.ConfState{Voters: voters},
		},
	}
	if err := storage.ApplySnapshot(first); err != nil {
		panic(err) // into an empty storage
	}
	if err := storage.SetHardState(&raftpb.HardState{Term: new(uint64(1)), Commit: new(uint64(1))}); err != nil {
		panic(err) // into memory
	}
	return storage
}

// NewReplica starts a member, for the first time or again.
func NewReplica(c Config) (*Replica, error) {
	latest, err := c.Storage.Snapshot()
	if err != nil {
		return nil, err
	}
	from, err := decodeSnapshot(latest.GetData())
	if err != nil {
		return nil, err
	}
	r := &Replica{
		id: c.ID, compactEvery: c.CompactEvery, storage: c.Storage, data: from.Data, applied: latest.GetMetadata().GetIndex(), compacted: latest.GetMetadata().GetIndex(),
		writes: map[uint64]func(string){}, byQuorum: map[uint64]func(func(string) string) func(){},
	}
	// lease: of the log that raft is started with.
	if r.lease, err = epsilonraft.New(c.Clock, c.ID, c.Lease, c.Storage, epsilonraft.WithState(from.Leases)); err != nil {
		return nil, err
	}
	r.released, r.onApply = r.lease.Released, func(command, uint64) {}
	hard, _, err := c.Storage.InitialState()
	if err != nil {
		return nil, err
	}
	r.synced = hard.GetCommit()
	config := raft.Config{
		ID: c.ID, Storage: c.Storage, Applied: r.applied,
		ElectionTick: c.ElectionTicks, HeartbeatTick: c.HeartbeatTicks,
		StepDownOnRemoval: true, // lease: or it would answer ReadIndex as the only voter's leader, and not be that voter
		MaxSizePerMsg:     1 << 20, MaxInflightMsgs: 256, MaxUncommittedEntriesSize: math.MaxUint64 >> 1,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	}
	if c.tune != nil {
		c.tune(&config)
	}
	r.raft, err = raft.NewRawNode(&config)
	return r, err
}

// Lease is the member's.
func (r *Replica) Lease() *epsilonraft.Lease { return r.lease }

// Step takes a message of another member.
func (r *Replica) Step(m *raftpb.Message) {
	_ = r.raft.Step(m) // what it does not want is as good as lost
}

// Tick lets a moment pass.
func (r *Replica) Tick() {
	r.raft.Tick()
	if r.lease.NeedsRenewal() { // lease: so that an idle leader can answer reads
		_ = r.raft.Propose(r.lease.Wrap(nil))
	}
}

func (r *Replica) leads() bool { return r.raft.BasicStatus().RaftState == raft.StateLeader }

// Campaign makes the member try to become the leader.
func (r *Replica) Campaign() { _ = r.raft.Campaign() }

// Put proposes a write. Its id must be unique in the cluster. Told is called with the value that was there before, once
// that may be told, or never.
func (r *Replica) Put(id uint64, key, value string, told func(previous string)) error {
	r.writes[id] = told
	data := r.lease.Wrap(command{id: id, key: key, value: value}.encode()) // lease: in an envelope
	if err := r.raft.Propose(data); err != nil {
		delete(r.writes, id)
		return err
	}
	return nil
}

// ReadByQuorum asks a majority whether this member knows all that is committed. Look is called then, and what it returns is called
// once it may be told.
func (r *Replica) ReadByQuorum(look func(get func(key string) string) (tell func())) {
	r.nextRead++
	r.byQuorum[r.nextRead] = look
	r.raft.ReadIndex(binary.BigEndian.AppendUint64(nil, r.nextRead))
}

// ChangeMember proposes that a member may vote, only learns, or is none any more.
func (r *Replica) ChangeMember(id uint64, change raftpb.ConfChangeType) {
	_ = r.raft.ProposeConfChange(&raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{{Type: &change, NodeId: &id}}})
}

// Look returns the value of a key, and up to which entry the log is applied to it.
func (r *Replica) Look(key string) (value string, applied uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.data[key], r.applied
}

// Get reads a key without asking anybody. It fails if that cannot be proved right, or the data is not there yet.
func (r *Replica) Get(key string) (string, error) {
	read, err := r.lease.Begin()
	if err != nil {
		return "", err
	}
	value, applied := r.Look(key)
	if applied < read.Index {
		return "", errBehind
	}
	return value, read.Confirm(touches(key)) // lease: last of all
}

var errBehind = errors.New("kv: what is committed has not been applied yet")

// Run does what raft wants done, and returns the messages to be sent.
func (r *Replica) Run() ([]*raftpb.Message, error) {
	var messages []*raftpb.Message
	for r.raft.HasReady() {
		more, err := r.runOnce()
		if err != nil {
			return nil, err
		}
		messages = append(messages, more...)
	}
	r.release()
	return messages, r.compact()
}

// runOnce does what one Ready says.
func (r *Replica) runOnce() ([]*raftpb.Message, error) {
	ready := r.raft.Ready()
	if err := r.tell(ready); err != nil {
		return nil, err
	}
	if err := r.save(ready); err != nil {
		return nil, err
	}
	for _, entry := range ready.CommittedEntries {
		if err := r.apply(entry); err != nil {
			return nil, err
		}
	}
	r.confirmed = append(r.confirmed, ready.ReadStates...)
	r.look()
	r.raft.Advance(ready)
	return ready.Messages, nil
}

// tell tells the lease of what there is to do.
func (r *Replica) tell(ready raft.Ready) error {
	if !raft.IsEmptySnap(ready.Snapshot) {
		from, err := decodeSnapshot(ready.Snapshot.GetData())
		if err != nil {
			return err
		}
		if err := r.lease.Restore(from.Leases); err != nil { // lease: before Ready
			return err
		}
	}
	return r.lease.Ready(ready) // lease: before anything is sent or applied
}

// save keeps what raft wants kept.
func (r *Replica) save(ready raft.Ready) error {
	if !raft.IsEmptySnap(ready.Snapshot) {
		from, err := decodeSnapshot(ready.Snapshot.GetData())
		if err != nil {
			return err
		}
		if err := r.storage.ApplySnapshot(ready.Snapshot); err != nil {
			return err
		}
		r.mu.Lock()
		r.data, r.applied = from.Data, ready.Snapshot.GetMetadata().GetIndex()
		r.mu.Unlock()
		r.compacted, r.members = r.applied, nil
	}
	if !raft.IsEmptyHardState(ready.HardState) {
		if err := r.storage.SetHardState(ready.HardState); err != nil {
			return err
		}
	}
	if ready.MustSync || !raft.IsEmptySnap(ready.Snapshot) {
		hard, _, err := r.storage.InitialState()
		if err != nil {
			return err
		}
		r.synced = hard.GetCommit()
	}
	return r.storage.Append(ready.Entries)
}

// apply applies an entry that is committed.
func (r *Replica) apply(entry *raftpb.Entry) error {
	if entry.GetType() == raftpb.EntryConfChangeV2 {
		return r.applyChange(entry)
	}
	unwrapped, err := epsilonraft.Unwrap(entry.GetData()) // lease: out of its envelope
	if err != nil {
		return fmt.Errorf("kv: entry %d: %w", entry.GetIndex(), err)
	}
	var c command
	if len(unwrapped) > 0 {
		if c, err = decodeCommand(unwrapped); err != nil {
			return fmt.Errorf("entry %d: %w", entry.GetIndex(), err)
		}
	}
	r.mu.Lock()
	r.applied = entry.GetIndex()
	var previous string
	if len(unwrapped) > 0 {
		previous, r.data[c.key] = r.data[c.key], c.value
	}
	r.mu.Unlock()
	if len(unwrapped) > 0 {
		r.onApply(c, entry.GetIndex())
	}
	if told := r.writes[c.id]; told != nil {
		delete(r.writes, c.id)
		r.unreleased = append(r.unreleased, outcome{entry.GetIndex(), func() { told(previous) }})
	}
	return nil
}

func (r *Replica) applyChange(entry *raftpb.Entry) error {
	var change raftpb.ConfChangeV2
	if err := proto.Unmarshal(entry.GetData(), &change); err != nil {
		return fmt.Errorf("kv: entry %d: %w", entry.GetIndex(), err)
	}
	r.members = r.raft.ApplyConfChange(&change)
	r.mu.Lock()
	r.applied = entry.GetIndex()
	r.mu.Unlock()
	return nil
}

// look looks at the data for reads by quorum. Each waits for what it must see, and not for those before it: after a change of leader that may be
// less.
func (r *Replica) look() {
	waiting := r.confirmed[:0]
	for _, state := range r.confirmed {
		if state.Index > r.applied {
			waiting = append(waiting, state)
			continue
		}
		id := binary.BigEndian.Uint64(state.RequestCtx)
		if look := r.byQuorum[id]; look != nil {
			delete(r.byQuorum, id)
			r.unreleased = append(r.unreleased, outcome{r.applied, look(func(key string) string { return r.data[key] })})
		}
	}
	r.confirmed = waiting
}

// release tells what may be told by now.
func (r *Replica) release() {
	for len(r.unreleased) > 0 && r.released(r.unreleased[0].index) == nil { // lease: not before
		r.unreleased[0].tell()
		r.unreleased = r.unreleased[1:]
	}
}

// compact makes a snapshot now and then, and forgets the log before the one before.
func (r *Replica) compact() error {
	if r.applied < r.compacted+r.compactEvery {
		return nil
	}
	leases, err := r.lease.State(r.applied) // lease: in every snapshot
	if err != nil {
		return err
	}
	data := snapshot{Leases: leases, Data: maps.Clone(r.data)}.encode()
	if _, err := r.storage.CreateSnapshot(r.applied, r.members, data); err != nil {
		return err
	}
	before := r.compacted
	r.compacted = r.applied
	if first, err := r.storage.FirstIndex(); err != nil || before < first {
		return err
	}
	return r.storage.Compact(before)
}
