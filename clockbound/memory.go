package clockbound

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/truetime"
)

// memory is what is remembered of one counter from poll to poll: whether CLOCK_REALTIME has been
// moved by somebody whom the daemon does not know of.
type memory struct {
	watch     watch            // since the poll before; nil before the first
	setBefore int64            // when the clock was last found set, by CLOCK_MONOTONIC
	before    *truetime.Sample // the last one that was used
}

// begin begins to watch, before anything is read.
func (m *memory) begin(h host) (err error) {
	if m.watch == nil {
		m.watch, err = newWatch(h)
	}
	return err
}

func newWatch(h host) (watch, error) {
	w, err := h.watch()
	if err != nil {
		return nil, fmt.Errorf("cannot tell whether CLOCK_REALTIME is set meanwhile: %w", err)
	}
	return w, nil
}

// checkSet refuses a segment from before the clock was last set. The clocks were read before this.
func (m *memory) checkSet(h host, r wallclock.Reading, c content) error {
	next, err := newWatch(h)
	if err != nil {
		return err
	}
	if m.watch.WasSet() { // asked after the next has begun, so that none is missed
		m.setBefore = r.Slewed
	}
	m.watch = next
	if c.asOf < m.setBefore {
		return unusable("CLOCK_REALTIME was set, and the bound is from before that")
	}
	return nil
}

const (
	// forgotten is how long a reading is held against later ones. chronyd asks its servers every
	// 1024 s at least by default (maxpoll 10), and has noticed then that its clock was moved.
	forgotten = 2048 * time.Second

	// smearPPM is by how much smeared seconds are longer or shorter, rounded up.
	smearPPM = 12
)

// follow compares a sample with the last one that was used. Both being within their claims, true
// time has gone on between them as the counter has, within its drift. If not, somebody has moved the
// clock, and the daemon need not know. A later as_of does not say that it does: it is when the daemon
// asked chronyd, and that may not have heard from a server since. After a suspend nothing else would tell:
// the kernel moves the clock on by what another clock says, to the second, and chronyd need not take
// notice of a short one.
func (m *memory) follow(s truetime.Sample, info truetime.PollInfo, scale truetime.Scale) error {
	if before := m.before; before != nil {
		elapsed := s.Received.Sub(before.Received)
		jump := s.Earliest.Add(s.Claim).Sub(before.Earliest.Add(before.Claim)) - elapsed
		explained := before.Claim + s.Claim + before.Delay + s.Delay + info.Slack(elapsed) + elapsed.Abs()/1e6*smearPPM + smearPPM
		switch {
		case elapsed < 0 || elapsed > forgotten:
		case jump.Abs() <= explained:
		case scale == truetime.ScaleUTC && mayHaveLeapt(before.Earliest, s.Latest) && (jump.Abs()-time.Second).Abs() <= explained:
		default:
			return unusable("CLOCK_REALTIME has moved by about %v against the local counter, as the machine slept, or somebody set it, or its daemon was wrong: "+
				"unless it comes back, it is used again in %v, when its daemon has asked its servers",
				jump.Round(time.Microsecond), (forgotten - elapsed).Round(time.Second))
		}
	}
	m.before = &s
	return nil
}

// mayHaveLeapt reports whether a month ends between two times, or within two seconds of them: only
// there a leap second makes CLOCK_REALTIME step.
func mayHaveLeapt(from, to truetime.Time) bool {
	const around = 2 * time.Second
	a, b := from.Add(-around).Std(), to.Add(around).Std()
	return a.Month() != b.Month() || a.Year() != b.Year()
}

// life is what a file has shown that may be left from before a reboot.
type life struct {
	first *segment // as it was first seen
	lives bool
}

// shown reports whether somebody has written the segment since it was first seen.
func (l *life) shown(s segment) bool {
	if l.first == nil {
		l.first = &s
	}
	l.lives = l.lives || l.first.generation() != s.generation()
	return l.lives
}
