package epsilonraft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/epsilontime/epsilon/truetime"
)

// A Lease is one member's side of the leases in a log of raft: it reads them from the log, grants them as a leader, and
// decides what may be told. It is made by [New], and safe for use by many goroutines. It starts none.
type Lease struct {
	clock    truetime.Reader
	node     uint64
	duration time.Duration

	mu       sync.Mutex
	history  history
	leader   bool
	term     uint64
	vote     uint64               // for whom this member has voted in it
	hold     *hold                // see view
	restored *history             // what a snapshot says, between Restore and Ready
	view     atomic.Pointer[view] // what all else goes by; replaced, not changed, with mu held
}

// An Option changes what New makes.
type Option func(*config)

type config struct {
	state []byte
}

// WithState tells of the leases in the part of the log that was compacted: state is what [Lease.State] returned for the
// snapshot that the member starts from. New fails without it if the log does not begin with entry 1. For a log
// that was compacted before this package was in use, see [NoLeases].
func WithState(state []byte) Option { return func(c *config) { c.state = state } }

// New returns the lease of the member node, whose log is in storage, as a leader or not. Call it when the member
// starts, with the storage that raft is started with. It reads by none of the leases that it finds there, not even its own: it only waits for them.
//
// The duration is for how long an entry lets its leader answer reads, and for how long after the loss of a leader the next one cannot
// tell that something was written. Each member may have its own, as entries say what was granted. It is an hour at most, and should be several
// times the width of the intervals and that of a commit: see [Lease.NeedsRenewal].
//
// The error has every mistake.
func New(clock truetime.Reader, node uint64, duration time.Duration, storage raft.Storage, options ...Option) (*Lease, error) {
	var c config
	var mistakes []error
	if clock == nil {
		mistakes = append(mistakes, errors.New("epsilonraft: the clock is nil"))
	}
	if node == raft.None {
		mistakes = append(mistakes, errors.New("epsilonraft: the member has no number: give it that of raft.Config"))
	}
	if duration <= 0 || duration > maxDuration {
		mistakes = append(mistakes, fmt.Errorf("epsilonraft: a lease for %v: it must be more than 0, and %v at most", duration, maxDuration))
	}
	if storage == nil {
		mistakes = append(mistakes, errors.New("epsilonraft: the storage is nil"))
	}
	for _, option := range options {
		if option == nil {
			mistakes = append(mistakes, errors.New("epsilonraft: an option is nil"))
			continue
		}
		option(&c)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	l := &Lease{clock: clock, node: node, duration: duration}
	if err := l.load(storage, c.state); err != nil {
		return nil, err
	}
	l.publish(nil)
	return l, nil
}

// load reads the log.
func (l *Lease) load(storage raft.Storage, encoded []byte) error {
	first, err := storage.FirstIndex()
	if err != nil {
		return fmt.Errorf("epsilonraft: the first index of the log: %w", err)
	}
	last, err := storage.LastIndex()
	if err != nil {
		return fmt.Errorf("epsilonraft: the last index of the log: %w", err)
	}
	if encoded != nil {
		if l.history, err = decodeState(encoded); err != nil {
			return err
		}
	}
	l.history.life = rand.Uint64()
	if at := l.history.folded; at+1 < first || at > last {
		return fmt.Errorf("epsilonraft: the log has the entries from %d to %d, and of those up to %d it is known what leases they grant: "+
			"give WithState the state that was in the snapshot", first, last, at)
	}
	for next := l.history.folded + 1; next <= last; next = l.history.last() + 1 {
		entries, err := storage.Entries(next, last+1, 1<<20)
		if err != nil {
			return fmt.Errorf("epsilonraft: entries from %d of the log: %w", next, err)
		}
		if len(entries) == 0 {
			return fmt.Errorf("%w: the log has no entry %d", ErrCorrupt, next)
		}
		for _, entry := range entries {
			if err := l.history.add(entry); err != nil {
				return err
			}
		}
	}
	hard, _, err := storage.InitialState()
	if err != nil {
		return fmt.Errorf("epsilonraft: the state of the log: %w", err)
	}
	l.term, l.vote = hard.GetTerm(), hard.GetVote()
	return l.history.commitTo(hard.GetCommit())
}

// Wrap returns the data to propose for a command: an envelope of 56 bytes, and the command. An empty command renews the lease and
// changes nothing.
//
// Propose it at the leader, soon, and once. Anything else is as safe, but costs something. What a follower wraps, and raft forwards,
// grants the leader nothing, which has to renew for itself, but the follower a lease for when it leads itself, for which others wait. A late proposal grants as much less. What is proposed twice is done twice. What comes by a way of
// your own to one that leads in an earlier term, and does not know of a later one, settles nothing there.
//
// While the clock refuses to answer, entries are written as always, and grant no lease.
func (l *Lease) Wrap(command []byte) []byte {
	v := l.view.Load()
	s := stamp{grant: grant{node: l.node}, settled: v.settled, term: v.term, life: v.life}
	now, err := l.now()
	if err == nil {
		// Earliest, so that nobody is kept waiting for longer than the duration. Another end would be worth as much: what the
		// expiry means is decided by the clocks of those who compare it with theirs.
		s.expiry, s.duration = now.Earliest.Add(l.duration), l.duration
	}
	if v.err == nil && v.leader && (v.hold.over.Load() || err == nil && v.hold.isOver(now)) {
		s.settled = v.visible
	}
	return s.append(make([]byte, 0, envelopeSize+len(command)), command)
}

// now reads the clock.
func (l *Lease) now() (truetime.Interval, error) {
	now, err := l.clock.Now()
	switch {
	case err != nil:
		return truetime.Interval{}, fmt.Errorf("%w: %w", ErrClock, err)
	case !now.Valid() || now.Earliest <= 0: // before 1970 is no time for a lease, whose expiry 0 is none
		return truetime.Interval{}, fmt.Errorf("%w: it answered with %v", ErrClock, now)
	}
	return now, nil
}
