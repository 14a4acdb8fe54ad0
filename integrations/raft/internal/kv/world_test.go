package kv

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/epsilontime/epsilon/truetime"
)

// A world is a cluster in simulated time, on one goroutine: everything that happens in it follows from its seed. It has
// elections of its own, because those of raft are drawn from the system's random numbers.
type world struct {
	t       testing.TB
	random  *rand.Rand
	now     time.Duration // true time since the beginning
	queue   events
	created int
	rules   rules
	members []*member
	cut     map[[2]int]bool // links that are down, by sender and receiver
	loss    float64
	writes  float64 // the part of the requests that are writes
	habits  habits

	record  record
	nextID  uint64
	counted counts
}

// habits are how a cluster is run.
type habits struct {
	quorum bool // with raft's PreVote and CheckQuorum
	voters int  // at least so many
	wide   bool // intervals become wider than half a lease now and then
	future bool // a lease from the future is granted, and revoked
	async  bool // with raft's AsyncStorageWrites
}

func drawHabits(seed uint64) habits {
	random := rand.New(rand.NewPCG(seed, 1))
	return habits{quorum: random.IntN(3) == 0, voters: 1 + random.IntN(3), wide: random.IntN(3) == 0, future: random.IntN(3) == 0, async: random.IntN(3) == 0}
}

// rules are what a mutant leaves out.
type rules struct {
	ignoreExpiry   bool // reads are answered when the lease has expired
	ignoreDeferral bool // writes are told before the earlier lease has expired
	ignoreLimbo    bool // a new leader answers reads of keys in limbo
	ignoreRemoval  bool // a leader goes on when it is not a voter any more
}

// counts say what has happened, so that a test can tell that something has.
type counts struct {
	leased, inherited, byQuorum, writes, elections, snapshots, changes, transfers, failures, revocations int
	refused                                                                                              map[error]int
}

func (c *counts) add(other counts) {
	c.leased += other.leased
	c.inherited += other.inherited
	c.byQuorum += other.byQuorum
	c.writes += other.writes
	c.elections += other.elections
	c.snapshots += other.snapshots
	c.changes += other.changes
	c.transfers += other.transfers
	c.failures += other.failures
	c.revocations += other.revocations
	for kind, n := range other.refused {
		c.refused[kind] += n
	}
}

const (
	leaseDuration = 150 * time.Millisecond
	tick          = 10 * time.Millisecond
	start         = truetime.Time(1_800_000_000_000_000_000)
)

// A member is one of the cluster's, with what is around it.
type member struct {
	w       *world
	index   int
	replica *Replica
	clock   *clock
	life    int // how often it has been started
	paused  bool
	held    []func() // what has come while it was paused
	heard   time.Duration
	timeout time.Duration
	led     bool
	busy    bool // the next Ready is due

	writing, applying time.Duration // until when, with AsyncStorageWrites
}

// clock is a member's.
type clock struct {
	w           *world
	uncertainty time.Duration
	offset      time.Duration // of the middle of the interval from true time; beyond ±uncertainty it lies
	refuses     bool
	ahead       time.Duration // it lies
}

func (c *clock) Now() (truetime.Interval, error) {
	if c.refuses {
		return truetime.Interval{}, truetime.ErrNotSynchronized
	}
	middle := start.Add(c.w.now + c.offset + c.ahead)
	return truetime.Interval{Earliest: middle.Add(-c.uncertainty), Latest: middle.Add(c.uncertainty)}, nil
}

func newWorld(t testing.TB, seed uint64, size int, habits habits, rules rules) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), habits: habits, rules: rules, cut: map[[2]int]bool{}, nextID: 1}
	w.counted.refused = map[error]int{}
	w.writes = []float64{0.02, 0.1, 0.4}[w.random.IntN(3)] // few, so that leases are renewed by entries far apart
	voters := make([]uint64, size)
	for i := range voters {
		voters[i] = uint64(i + 1)
	}
	for i := range size {
		m := &member{w: w, index: i, clock: &clock{w: w, uncertainty: w.between(time.Millisecond, 40*time.Millisecond)}}
		w.members = append(w.members, m)
		m.start(NewStorage(voters...))
		w.in(w.between(0, tick), m.tick)
	}
	return w
}

// between draws a duration.
func (w *world) between(from, to time.Duration) time.Duration {
	return from + time.Duration(w.random.Int64N(int64(to-from)+1))
}

// in has something happen after d.
func (w *world) in(d time.Duration, f func()) {
	w.created++
	heap.Push(&w.queue, event{w.now + d, w.created, f})
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.f()
	}
	w.now = end
}

func (m *member) start(storage *raft.MemoryStorage) {
	replica, err := NewReplica(Config{
		ID: uint64(m.index + 1), Clock: m.clock, Lease: leaseDuration, Storage: storage, ElectionTicks: 10, HeartbeatTicks: 1, CompactEvery: 12,
		tune: func(c *raft.Config) {
			c.PreVote, c.CheckQuorum = m.w.habits.quorum, m.w.habits.quorum
			c.AsyncStorageWrites = m.w.habits.async
			c.StepDownOnRemoval = !m.w.rules.ignoreRemoval
		},
	})
	require.NoError(m.w.t, err)
	replica.onApply = func(c command, index uint64) { m.w.record.applied(c.id, index) }
	if m.w.rules.ignoreDeferral {
		replica.released = func(uint64) error { return nil }
	}
	m.replica, m.heard, m.paused, m.held, m.led, m.busy = replica, m.w.now, false, nil, false, false
	m.writing, m.applying = 0, 0
	m.timeout = m.w.between(50*time.Millisecond, 150*time.Millisecond)
	m.life++
	replica.nextRead = uint64(m.life) << 32
}

// restart kills the member and starts it from what it has kept: all that it has written or, after a power failure, what raft wanted synced.
func (m *member) restart(power bool) {
	storage := m.replica.storage
	hard, _, err := storage.InitialState()
	require.NoError(m.w.t, err)
	kept := proto.Clone(hard).(*raftpb.HardState)
	if power {
		m.w.counted.failures++
		kept.Commit = new(m.replica.synced)
	}
	kept.Commit = new(max(kept.GetCommit(), m.replica.compacted)) // a snapshot says as much
	require.NoError(m.w.t, storage.SetHardState(kept))
	m.start(storage)
}

// do does something at the member now, or when its pause is over, unless it has been restarted before that.
func (m *member) do(f func()) {
	if m.paused {
		m.held = append(m.held, f)
		return
	}
	f()
}

// later does something at the member after d.
func (m *member) later(d time.Duration, f func()) {
	life := m.life
	m.w.in(d, func() {
		if m.life == life {
			m.do(f)
		}
	})
}

func (m *member) pause(d time.Duration) {
	m.paused = true
	life := m.life
	m.w.in(d, func() {
		if m.life != life {
			return
		}
		m.paused = false
		held := m.held
		m.held = nil
		for _, f := range held {
			m.do(f)
		}
	})
}

func (m *member) tick() {
	m.do(func() {
		if m.replica.leads() { // or raft would draw when to campaign
			m.replica.Tick()
		} else if m.w.now-m.heard > m.timeout {
			m.campaign()
		}
		m.run()
	})
	m.w.in(tick, m.tick)
}

func (m *member) campaign() {
	m.heard = m.w.now
	m.timeout = m.w.between(50*time.Millisecond, 150*time.Millisecond)
	_ = m.replica.raft.ForgetLeader() // or CheckQuorum refuses, as no ticks tell it that the leader is missing
	m.replica.Campaign()
	m.run()
}

// run has the replica do what there is to do, one Ready after the other, so that something may come between them.
func (m *member) run() {
	if !m.busy {
		m.runOnce()
	}
}

func (m *member) runOnce() {
	var messages []*raftpb.Message
	var err error
	if m.busy = m.replica.raft.HasReady(); m.busy {
		if m.w.habits.async {
			messages, err = m.runAsync()
		} else {
			messages, err = m.replica.runOnce()
		}
		require.NoError(m.w.t, err)
		m.later(m.w.between(0, 200*time.Microsecond), m.runOnce)
	}
	m.replica.release()
	require.NoError(m.w.t, m.replica.compact())
	if leads := m.replica.leads(); leads != m.led {
		m.led = leads
		if leads {
			m.w.counted.elections++
		}
	}
	for _, message := range messages {
		m.send(message)
	}
}

func (m *member) send(message *raftpb.Message) {
	w, to := m.w, int(message.GetTo())-1
	for copies := 1; copies > 0; copies-- {
		if w.random.Float64() < w.loss {
			continue
		}
		if w.random.IntN(50) == 0 && message.GetType() != raftpb.MsgProp { // a write that comes twice is done twice
			copies++
		}
		sent := proto.Clone(message).(*raftpb.Message)
		w.in(w.between(200*time.Microsecond, 3*time.Millisecond), func() {
			if w.cut[[2]int{m.index, to}] {
				return
			}
			receiver := w.members[to]
			receiver.do(func() { receiver.receive(sent) })
		})
	}
}

func (m *member) receive(message *raftpb.Message) {
	switch message.GetType() {
	case raftpb.MsgSnap:
		m.w.counted.snapshots++
		fallthrough
	case raftpb.MsgApp, raftpb.MsgHeartbeat:
		m.heard = m.w.now
	}
	m.replica.Step(message)
	m.run()
}

// isolate cuts a member off from the others, in one direction or in both.
func (w *world) isolate(m *member, in, out bool) {
	for i := range w.members {
		w.cut[[2]int{i, m.index}] = in
		w.cut[[2]int{m.index, i}] = out
	}
}

// leader returns a member that believes that it leads, if there is one.
func (w *world) leader() *member {
	var leaders []*member
	for _, m := range w.members {
		if m.replica.leads() {
			leaders = append(leaders, m)
		}
	}
	if len(leaders) == 0 {
		return nil
	}
	return leaders[w.random.IntN(len(leaders))]
}

// refused counts why a read was not answered by the lease.
func (w *world) refused(err error, kinds ...error) {
	i := slices.IndexFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
	require.GreaterOrEqual(w.t, i, 0, "%v", err)
	w.counted.refused[kinds[i]]++
}

// events are what will happen, the earliest first.
type events []event

type event struct {
	at      time.Duration
	created int
	f       func()
}

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].created < e[j].created
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
