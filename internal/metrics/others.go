package metrics

import (
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// CollectHostClock gives the values of a clock that another process publishes. What only that one knows, as the peak of
// ε and the sources, it has to be asked for itself.
func CollectHostClock(to Sink, s hostclock.Status) {
	flag(to, synchronized, s.State == truetime.Synchronized)
	to.Value(uncertainty, unbounded(s.Uncertainty, s.Interval.Valid()))
	to.Value(segmentDaemon, 1, s.Daemon.String())
	if s.Daemon != hostclock.Missing {
		CollectSegment(to, s.Publications, s.Age)
	}
}

// CollectSegment gives how often a clock was published, and how long ago last.
func CollectSegment(to Sink, publications uint64, age time.Duration) {
	to.Value(segmentAge, age.Seconds())
	to.Value(segmentPublications, float64(publications))
}

// CollectWaiter gives what a Waiter has done.
func CollectWaiter(to Sink, name string, s commitwait.Stats) {
	to.Value(waiting, float64(s.Waiting), name)
	to.Value(waits, float64(s.Passed), name, "passed")
	to.Value(waits, float64(s.Failed), name, "failed")
	to.Distribution(waited, distributionOf(s.Waited), name)
}

// CollectLease gives the state of a lease, which is nil where none is held.
func CollectLease(to Sink, name string, l *lease.Lease) {
	if l == nil {
		to.Value(leaseState, 1, name, "none")
		return
	}
	s := l.Status()
	to.Value(leaseState, 1, name, s.State.String())
	to.Value(leaseToken, float64(s.Token), name)
	to.Value(leaseFailures, float64(s.Failures), name)
	if !s.Expiry.IsZero() {
		to.Value(leaseExpiry, unix(s.Expiry), name)
	}
}
