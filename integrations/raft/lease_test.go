package epsilonraft_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// The lease ends where its holder's Latest and the others' Earliest reach the same moment, and at the moment itself nobody acts.
func TestLeaseEndsForItsHolderBeforeItEndsForOthers(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	expiry := duration - ε // after the start: Earliest and the duration
	for _, c := range []struct {
		at                time.Duration
		holder, successor error
	}{
		{at: expiry - ε - 1, successor: epsilonraft.ErrDeferred},
		{at: expiry - ε, holder: epsilonraft.ErrExpired, successor: epsilonraft.ErrDeferred},
		{at: expiry + ε, holder: epsilonraft.ErrExpired, successor: epsilonraft.ErrDeferred},
		{at: expiry + ε + 1, holder: epsilonraft.ErrExpired},
	} {
		first.at(c.at)
		second.at(c.at)
		require.ErrorIs(t, first.read("a"), c.holder, "%v", c.at)
		require.ErrorIs(t, second.lease.Released(4-2), nil, "entry 2 is settled")
		second.ready(ready(nil, 2, 4))
		require.ErrorIs(t, second.lease.Released(4), c.successor, "%v", c.at)
	}
}

// The old leader may know that its last entry is committed when the new one does not.
func TestNewLeaderWaitsForEntriesThatItDoesNotKnowToBeCommitted(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	first.leadsAlone()
	first.at(duration / 2)
	first.ready(ready(nil, 1, 3, entry(3, 1, first.lease.Wrap([]byte("b")))))
	second.ready(ready(follows, 1, 2, first.log...))
	second.ready(ready(leads, 2, 2, entry(4, 2, nil)))
	for _, p := range []*peer{first, second} {
		p.at(duration + duration/4)
	}
	require.NoError(t, first.read("a"))
	second.ready(ready(nil, 2, 4))
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrDeferred)
}

func TestOnlyWhatIsCommittedGrantsALease(t *testing.T) {
	p := newPeer(t, 1)
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrNotLeader)
	p.ready(ready(leads, 1, 0, entry(1, 1, nil)))
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrExpired)
	p.ready(ready(nil, 0, 0, entry(2, 1, p.lease.Wrap(nil))))
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrExpired)
	p.ready(ready(nil, 1, 1))
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrExpired)
	p.ready(ready(nil, 1, 2))
	require.NoError(t, p.read("a"))
}

// Nothing was ever granted to others, so nothing is waited for, with or without a clock.
func TestFirstLeaderDefersNothing(t *testing.T) {
	p := newPeer(t, 1)
	p.clock.Disrupt()
	p.ready(ready(leads, 1, 0, entry(1, 1, nil)))
	p.ready(ready(nil, 1, 2, entry(2, 1, p.lease.Wrap([]byte("a")))))
	require.NoError(t, p.lease.Released(2))
	require.ErrorIs(t, p.lease.Released(3), epsilonraft.ErrNotCommitted)
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrClock)
	p.clock.Resume()
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrExpired, "an entry of a time without a clock grants nothing")
}

func TestClockThatRefusesStopsReadsAndNewLeaders(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	second.ready(ready(nil, 2, 4))
	first.clock.Disrupt()
	err := first.read("a")
	require.ErrorIs(t, err, epsilonraft.ErrClock)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.NoError(t, first.lease.Released(2), "what is released stays so")

	second.clock.Disrupt()
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrClock)
	require.ErrorIs(t, second.read("c"), epsilonraft.ErrClock)
	second.at(2 * duration)
	require.NoError(t, second.lease.Released(4))
	second.clock.Disrupt()
	require.NoError(t, second.lease.Released(4), "what is released stays so")
	second.at(0)
	require.NoError(t, second.lease.Released(4), "even if a disrupted clock knows less")
	second.clock.Set(truetime.Interval{Earliest: start, Latest: start - 1})
	require.ErrorIs(t, second.read("c"), epsilonraft.ErrClock, "an interval that is upside down")
}

// A leader that was deposed answers nothing that it began before, as its data may have gone on.
func TestReadIsOfOneTerm(t *testing.T) {
	p := newPeer(t, 1)
	p.leadsAlone()
	read, err := p.lease.Begin()
	require.NoError(t, err)
	require.EqualValues(t, 2, read.Index)
	require.NoError(t, read.Confirm(nil))
	require.NoError(t, read.Confirm(nil), "it may be asked again")

	p.ready(ready(nil, 3, 2, entry(3, 3, nil))) // lost and won again between two Readys: no SoftState
	require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrNotLeader)
	require.ErrorIs(t, p.lease.Released(2), epsilonraft.ErrDeferred, "a leader between the two may be answering")
	p.ready(ready(follows, 4, 2))
	require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrNotLeader)
	require.ErrorIs(t, epsilonraft.Read{}.Confirm(nil), epsilonraft.ErrNotLeader)
}

// Why the clock alone does not make a new leader complete: it may not know yet what its predecessors have told.
func TestNewLeaderReadsWhenAnEntryOfItsTermIsCommitted(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	second.at(2 * duration)
	second.ready(ready(nil, 0, 0, entry(5, 2, second.lease.Wrap([]byte("c")))))
	require.ErrorIs(t, second.read("z"), epsilonraft.ErrExpired)
	second.ready(ready(nil, 2, 3)) // by a message of another leader, let us say
	require.ErrorIs(t, second.read("z"), epsilonraft.ErrExpired)
	second.ready(ready(nil, 2, 5))
	read, err := second.lease.Begin()
	require.NoError(t, err)
	require.EqualValues(t, 5, read.Index)
	require.NoError(t, read.Confirm(nil))
}

func TestIdleLeaderRenews(t *testing.T) {
	p := newPeer(t, 1)
	require.False(t, p.lease.NeedsRenewal(), "it does not lead")
	p.ready(ready(leads, 1, 0, entry(1, 1, nil)))
	require.True(t, p.lease.NeedsRenewal())
	p.clock.Disrupt()
	require.False(t, p.lease.NeedsRenewal(), "it would grant nothing")
	p.at(0)
	p.ready(ready(nil, 1, 1, entry(2, 1, p.lease.Wrap(nil))))
	require.False(t, p.lease.NeedsRenewal(), "one is under way")
	p.at(duration/2 - 2*ε)
	require.False(t, p.lease.NeedsRenewal())
	p.at(duration/2 - 2*ε + 1)
	require.True(t, p.lease.NeedsRenewal(), "by Latest half of it is left")

	p.ready(ready(nil, 0, 0, entry(3, 1, p.lease.Wrap(nil))))
	require.False(t, p.lease.NeedsRenewal())
	p.ready(ready(follows, 2, 1, entry(2, 2, nil)))
	p.ready(ready(leads, 3, 1, entry(3, 3, nil)))
	require.True(t, p.lease.NeedsRenewal(), "what was under way has been replaced")
}

// An interval may be wider than half a lease, as long after a disruption: then each renewal would ask for the next one.
func TestWideIntervalsNeedNoMoreRenewals(t *testing.T) {
	p := newPeer(t, 1)
	wide := func(d time.Duration) {
		p.clock.Set(truetime.Interval{Earliest: start.Add(d), Latest: start.Add(d + duration*3/5)})
	}
	wide(0)
	p.leadsAlone()
	require.False(t, p.lease.NeedsRenewal())
	wide(duration / 4)
	require.False(t, p.lease.NeedsRenewal())
	wide(duration/4 + 1)
	require.True(t, p.lease.NeedsRenewal())
	require.NoError(t, p.read("a"), "the lease has not lapsed meanwhile")
	p.ready(ready(nil, 1, 3, entry(3, 1, p.lease.Wrap(nil))))
	require.False(t, p.lease.NeedsRenewal())
	require.NoError(t, p.read("a"), "the lease is short, but it is one")
}

func TestRevokeForgetsWhatWasGranted(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	second.ready(ready(nil, 2, 4))
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrDeferred)
	require.Equal(t, epsilonraft.Status{
		Leader: true, Term: 2, Expiry: start.Add(duration - ε), Settled: 2, Limbo: 2, Deferred: start.Add(duration - ε), DeferredBy: 1,
	}, second.lease.Status())
	second.at(ε)
	require.NoError(t, second.lease.Revoke())
	require.ErrorIs(t, second.read("z"), epsilonraft.ErrExpired, "nor may it read by what was granted")
	require.True(t, second.lease.NeedsRenewal())
	require.Equal(t, epsilonraft.Status{
		Leader: true, Term: 2, Settled: 2, Limbo: 2, Deferred: start.Add(duration + 2*ε), DeferredBy: 2,
	}, second.lease.Status(), "Latest and the duration")
	second.at(duration + 3*ε)
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrDeferred)
	second.at(duration + 3*ε + 1)
	require.NoError(t, second.lease.Released(4))
	require.NoError(t, second.lease.Revoke())
	require.NoError(t, second.lease.Released(4), "what is released stays so")
	second.clock.Disrupt()
	require.ErrorIs(t, second.lease.Revoke(), epsilonraft.ErrClock)

	fresh := newPeer(t, 1)
	require.NoError(t, fresh.lease.Revoke())
	fresh.leadsAlone()
	require.NoError(t, fresh.lease.Released(2), "nothing was ever granted, so nobody waits")
}

// What is waited for after Revoke was computed from Latest of an interval that may have become narrower since. It is no lease of anybody's.
func TestFloorIsNotFromTheFuture(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	second.clock.Set(truetime.Interval{Earliest: start, Latest: start.Add(duration / 2)})
	require.NoError(t, second.lease.Revoke())
	second.at(0)
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrDeferred)
	second.ready(ready(follows, 3, 4))
	second.ready(ready(leads, 4, 4, entry(5, 4, nil)))
	require.ErrorIs(t, second.lease.Released(4), epsilonraft.ErrDeferred)
	require.Equal(t, start.Add(duration*3/2), second.lease.Status().Deferred)
}

// The bad one need not be committed yet.
func TestRevokeForgetsWhatIsNotCommitted(t *testing.T) {
	p := newPeer(t, 1)
	p.ready(ready(follows, 1, 1, entry(1, 1, nil), entry(2, 1, forged(7, start.Add(1e5*time.Hour), duration, 0))))
	require.NoError(t, p.lease.Revoke())
	p.ready(ready(leads, 2, 1, entry(3, 2, nil)))
	require.ErrorIs(t, p.lease.Released(1), epsilonraft.ErrDeferred)
	p.at(duration + 3*ε)
	p.ready(ready(nil, 2, 4, entry(4, 2, p.lease.Wrap(nil))))
	require.NoError(t, p.lease.Released(4))
	require.NoError(t, p.read("a"))
}

// Not all of what is revoked was bad: another leader, at which it was revoked before, may be reading by a lease that it was granted since.
func TestRevokedLeasesAreWaitedForIfTheyMayBeGood(t *testing.T) {
	first, second, third := newPeer(t, 1), newPeer(t, 2), newPeer(t, 3)
	first.ready(ready(leads, 1, 1, entry(1, 1, forged(7, start.Add(1e5*time.Hour), time.Millisecond, 0)))) // less than the others have
	require.ErrorIs(t, first.lease.Status().FromFuture, epsilonraft.ErrFromFuture)
	require.NoError(t, first.lease.Revoke())
	require.NoError(t, first.lease.Status().FromFuture)
	first.ready(ready(nil, 1, 2, entry(2, 1, first.lease.Wrap([]byte("a")))))
	for _, follower := range []*peer{second, third} {
		follower.ready(ready(follows, 1, 2, first.log...))
		follower.at(10 * ε)
		require.NoError(t, follower.lease.Revoke())
	}
	state, err := second.lease.State(2)
	require.NoError(t, err)
	second.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	storage := stored(t, 2, entry(1, 1, nil), entry(2, 1, nil))
	_, err = storage.CreateSnapshot(2, nil, state)
	require.NoError(t, err)
	require.NoError(t, storage.Compact(2))
	lease, err := epsilonraft.New(third.clock, 4, duration, storage, epsilonraft.WithState(state))
	require.NoError(t, err)
	fourth := &peer{t: t, id: 4, clock: third.clock, lease: lease} // from a snapshot
	fourth.ready(ready(leads, 3, 3, entry(3, 3, nil)))
	for _, p := range []*peer{first, second, fourth} {
		p.at(duration - 2*ε - 1)
	}
	require.NoError(t, first.read("a"), "it is cut off, and has a lease")
	for _, successor := range []*peer{second, fourth} {
		require.ErrorIs(t, successor.lease.Released(3), epsilonraft.ErrDeferred)
		successor.at(duration + 12*ε + 1)
		require.NoError(t, successor.lease.Released(3))
	}
}

// Nothing keeps what was revoked, and near its end a lease from the future looks like any other. So it must be of no use to whoever starts with it.
func TestLeaseThatWasRevokedIsOfNoUseAfterARestart(t *testing.T) {
	first, second, third := newPeer(t, 1), newPeer(t, 2), newPeer(t, 3)
	third.at(2 * duration) // it is wrong
	bad := third.lease.Wrap([]byte("x"))
	third.at(0)
	first.ready(ready(leads, 1, 2, entry(1, 1, nil), entry(2, 1, bad)))
	for _, follower := range []*peer{second, third} {
		follower.ready(ready(follows, 1, 2, first.log...))
	}
	for _, p := range []*peer{first, second, third} {
		require.NoError(t, p.lease.Revoke())
	}
	lease, err := epsilonraft.New(first.clock, 1, duration, stored(t, 2, first.log...))
	require.NoError(t, err)
	require.ErrorIs(t, lease.Status().FromFuture, epsilonraft.ErrFromFuture, "whoever follows says so, too")
	first.clock.Disrupt()
	require.NoError(t, lease.Status().FromFuture)
	again := &peer{t: t, id: 1, clock: first.clock, lease: lease, log: first.log}

	for _, p := range []*peer{again, second} {
		p.at(2*duration + duration/2)
	}
	again.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	second.ready(ready(follows, 2, 2, again.log...)) // and again is cut off
	second.ready(ready(leads, 3, 5, entry(4, 3, nil), entry(5, 3, second.lease.Wrap([]byte("k")))))
	require.NoError(t, second.lease.Released(5), "k is told")
	require.NoError(t, again.lease.Status().FromFuture, "it looks like any other")
	require.ErrorIs(t, again.read("k"), epsilonraft.ErrExpired)
	require.ErrorIs(t, again.lease.Released(3), epsilonraft.ErrDeferred, "but it is waited for again")
}

// A member whose clock was wrong when it wrapped, and is right now, does not read by that.
func TestOwnLeaseFromTheFutureIsRefused(t *testing.T) {
	p := newPeer(t, 1)
	p.at(10 * duration)
	p.leadsAlone()
	p.at(0)
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrFromFuture)
}

// What a member has wrapped counts for it, whoever has put it into the log, and for nobody else.
func TestMemberReadsByLeasesOfItsOwn(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	first.ready(ready(leads, 1, 2, entry(1, 1, nil), entry(2, 1, second.lease.Wrap([]byte("a"))))) // forwarded by raft
	require.ErrorIs(t, first.read("z"), epsilonraft.ErrExpired)
	require.True(t, first.lease.NeedsRenewal())
	second.ready(ready(follows, 1, 2, first.log...))
	second.ready(ready(leads, 2, 2, entry(3, 2, nil)))
	require.NoError(t, second.read("z"))
	require.False(t, second.lease.NeedsRenewal())
	first.ready(ready(follows, 2, 2, second.log[2:]...))
	first.ready(ready(leads, 3, 4, entry(4, 3, nil)))
	require.ErrorIs(t, first.lease.Released(4), epsilonraft.ErrDeferred)
}

// A reader goes through the entries in limbo while Revoke forgets what they grant: for the race detector.
func TestRevokeChangesNothingUnderAReader(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	read, err := second.lease.Begin()
	require.NoError(t, err)
	var revoked sync.WaitGroup
	require.NoError(t, read.Confirm(func([]byte) bool {
		revoked.Go(func() { _ = second.lease.Revoke() })
		return false
	}))
	revoked.Wait()
	require.ErrorIs(t, second.read("z"), epsilonraft.ErrExpired)
}

func TestMistakesAreAllReported(t *testing.T) {
	clock := truetimetest.NewManual(start, ε)
	_, err := epsilonraft.New(nil, 0, 0, nil, nil)
	for _, part := range []string{"clock is nil", "no number", "0s", "storage is nil", "option is nil"} {
		require.ErrorContains(t, err, part)
	}
	for _, d := range []time.Duration{-1, 0, time.Hour + 1} {
		_, err := epsilonraft.New(clock, 1, d, raft.NewMemoryStorage())
		require.ErrorContains(t, err, d.String())
	}
}

// Readers and writers are many, and Ready is called by another: for the race detector.
func TestManyMayUseALease(t *testing.T) {
	p := newPeer(t, 1)
	p.leadsAlone()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := p.read("z"); err != nil && !errors.Is(err, epsilonraft.ErrNotLeader) && !errors.Is(err, epsilonraft.ErrLimbo) {
					t.Error(err)
					return
				}
				p.lease.Wrap(nil)
				p.lease.Status()
			}
		})
	}
	for i := range uint64(300) {
		term := 2 + i // each leader replaces what the one before has not got committed
		p.ready(ready(leads, term, 2, entry(3, term, p.lease.Wrap([]byte("x"))), entry(4, term, p.lease.Wrap([]byte("y")))))
		p.ready(ready(follows, term, 2))
	}
	close(stop)
	readers.Wait()
}

// Why a commit of its own term is not enough, either: a read may have begun before it, and have seen less than a predecessor has told.
func TestReadThatBeganTooEarlyIsNotConfirmed(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	first.leadsAlone()
	require.NoError(t, first.lease.Released(2), "a is told")
	second.ready(ready(follows, 1, 1, first.log...)) // and not known here to be committed
	second.ready(ready(leads, 2, 1, entry(3, 2, nil)))
	second.at(2 * duration) // the election took longer than the lease
	early, err := second.lease.Begin()
	require.NoError(t, err)
	require.EqualValues(t, 1, early.Index)
	second.ready(ready(nil, 2, 4, entry(4, 2, second.lease.Wrap([]byte("x")))))
	require.ErrorIs(t, early.Confirm(nil), epsilonraft.ErrLimbo)
	require.ErrorIs(t, early.Confirm(touching("a")), epsilonraft.ErrLimbo)
	require.ErrorIs(t, early.Confirm(touching("z")), nil, "nothing after what it has seen touches it")
	late, err := second.lease.Begin()
	require.NoError(t, err)
	require.NoError(t, late.Confirm(nil))

	require.NoError(t, second.lease.Revoke())
	second.ready(ready(nil, 2, 5, entry(5, 2, second.lease.Wrap(nil))))
	require.ErrorIs(t, early.Confirm(nil), epsilonraft.ErrLimbo, "to revoke leases makes nothing known")
	require.ErrorIs(t, early.Confirm(touching("a")), epsilonraft.ErrLimbo, "and what is settled is in limbo for those that have not seen it")
}

// A clock that is set to the beginning of time knows no better than one that refuses.
func TestTimesBefore1970AreNone(t *testing.T) {
	p := newPeer(t, 1)
	p.leadsAlone()
	p.clock.Set(truetime.Interval{Earliest: 0, Latest: start})
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrClock)
	p.clock.Set(truetime.Interval{Earliest: -truetime.Time(duration), Latest: start})
	require.NoError(t, p.lease.Ready(ready(nil, 0, 0, entry(3, 1, p.lease.Wrap(nil)))), "it grants nothing, as an expiry of 0 would not be one")
}
