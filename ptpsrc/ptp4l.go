package ptpsrc

import (
	"context"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// ptp4l is a source that asks the ptp4l of this host.
type ptp4l struct {
	socket   string
	config   config
	wall     func() truetime.Time // the clock that ptp4l stamps with
	clock    string               // that it measures, as in "the system clock"
	hardware bool                 // which is that of a network card

	turn   perclock.Turn // guards what follows
	memory perclock.Memory[ptp4lMemory]
}

// ptp4lMemory is what is remembered from poll to poll.
type ptp4lMemory struct {
	device string // a PHC's, to which the watch belongs
	watch  watch
	leap   leapCorrection
}

// ptp4lPoll is a poll by one counter.
type ptp4lPoll struct {
	*ptp4l
	*ptp4lMemory
	info truetime.PollInfo // with the drift of the counter
	host truetime.PollInfo // with the drift of this machine's oscillator
}

// poll begins one, in the turn of the caller.
func (p *ptp4l) poll(ctx context.Context, counter monotonic.Counter) ptp4lPoll {
	info := truetime.PollInfoOf(ctx)
	poll := ptp4lPoll{p, p.memory.Of(counter), info, info}
	poll.host.DriftPPM = localcounter.HostDriftPPM(counter, info.DriftPPM)
	poll.watch.clock = p.clock
	return poll
}

// PTP4L returns a source that asks the ptp4l of this host, over its management socket as in
// [PTP4LSocket], how far the system clock was from its master when the last Sync came in, and reads
// that clock. It takes root, or whoever may use the socket. A mistake in the path or the options is
// reported by [truetime.New].
//
// ptp4l must stamp in software (time_stamping software): it then measures the system clock, which
// it may steer, or leave to somebody else (free_running 1). With hardware stamps it measures the
// clock of the network card, and is refused: see [PHCWithPTP4L].
//
// True time is taken to be the system clock less that offset. The claimed error E is the sum of
//
//	|offset|                          ptp4l may have corrected it by now, and the Sync may have been late by it
//	+ mean path delay                 of which nothing says how it is split between the two ways
//	+ accuracy of the grandmaster     as announced, or WithAccuracy
//	+ drift × age                     since that Sync came in
//	+ how the system clock ran        against the counter, since an earlier poll
//	+ WithExtraError                  what the user adds
//
// The drift is what [truetime.WithDrift] declares, and at least 200 ppm for a clock with a counter
// of its own ([truetime.WithCounter]), which tells nothing of this host's oscillator.
//
// What is trusted: ptp4l and its mean path delay, which is a filtered estimate, and the corrections
// of transparent clocks on the way. A single Sync that was delayed by more than |offset| and twice
// the mean path delay makes the interval wrong, and so does a system clock that is set and set back, or
// slewed away and back, between two polls: unlike with [Unicast] the bound is declared, not proved.
//
// It is refused while no port follows a master, while there is no grandmaster, and when the
// grandmaster claims no accuracy. From the time of one that serves TAI ptp4l subtracts a UTC
// offset, which need not be right, because this source adds it again, but has to be known: it is
// refused when the grandmaster announces another one than ptp4l counts with, and while ptp4l may be
// correcting it for a leap second that is announced after midnight UTC or no longer. A step of the
// system clock, a new grandmaster and a change in what it announces end the use of what was
// measured before, so the first poll after each yields nothing. At first, and after a time without this
// grandmaster, the offset has to be seen to change, which takes two polls more where it does. A change to another one and
// back between two polls is not seen. The delay mechanism has to be E2E: with P2P ptp4l does not tell the path
// delay there.
//
// A source for the same grandmaster by [Unicast] is not independent of it: put both into one
// [truetime.Group]. A sample costs seven questions to ptp4l, about 0.2 ms.
func PTP4L(socket string, options ...PTP4LOption) truetime.Source {
	p := &ptp4l{socket: socket, config: configure(options), wall: wallclock.System, clock: "the system clock"}
	p.config.Add(parseSocket(socket))
	return p
}

func (p *ptp4l) name() string {
	name := "ptp4l " + p.socket
	if p.config.domain != 0 {
		name += fmt.Sprintf(" domain %d", p.config.domain)
	}
	return name
}

// Info has "ptp4l" and the path of the socket for a name. The scale is TAI, unless WithUTCOffset
// says otherwise.
func (p *ptp4l) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: p.name(), Scale: p.config.trust.scale(), Err: p.config.Err()}
}

// Sample asks ptp4l once.
func (p *ptp4l) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := p.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxSample)
	defer cancel()
	if err := p.turn.Take(ctx); err != nil {
		return truetime.Sample{}, err
	}
	defer p.turn.Leave()
	r, err := p.ask(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	return p.poll(ctx, counter).evaluate(r, readSystemClock(counter, p.wall))
}

func (p *ptp4l) ask(ctx context.Context) (report, error) {
	s, err := dialPTP4L(p.socket, p.config.domain)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	return s.report(ctx)
}

// evaluate turns a report, and a reading of the system clock after it, into a sample or says why it
// cannot be used.
func (p ptp4lPoll) evaluate(r report, now reading) (truetime.Sample, error) {
	m, err := p.measure(r, now)
	if err != nil {
		return truetime.Sample{}, err
	}
	truth := now.wall.Add(-m.ahead)
	return truetime.Sample{
		Sent:     now.before,
		Latest:   truth.Add(m.claim),
		Received: now.after,
		Earliest: truth.Add(-m.claim),
		Age:      m.age,
		Peer:     m.peer,
		Identity: m.shown,
		Delay:    m.delay,
		Claim:    m.claim,
		Stratum:  m.stratum,
		Leap:     m.leap,

		TAIOffset: m.tai,
	}, nil
}

// measurement is what ptp4l knows about the clock that it measures.
type measurement struct {
	ahead   time.Duration // of that clock, of the scale that the source serves
	tai     time.Duration // TAI−UTC, if known
	claim   time.Duration // by how much that may be wrong
	delay   time.Duration
	age     time.Duration // of the last Sync
	peer    string
	shown   string // Identity
	stratum int
	leap    truetime.Leap
}

// measure takes from a report what it says about the clock that was read after it.
func (p ptp4lPoll) measure(r report, now reading) (measurement, error) {
	if err := r.check(p.hardware); err != nil {
		p.watch.doubt()
		return measurement{}, err
	}
	if now.after < now.before {
		return measurement{}, unusable("the local counter went back by %v", -now.width())
	}
	s := r.situation()
	if !s.masteredAs(p.watch.situation) {
		p.watch.doubt()
	}
	ahead, err := r.ahead(s.grandmaster, p.hardware, p.config, &p.leap) // first, so that no announcement is missed
	if err != nil {
		return measurement{}, err
	}
	e, err := s.grandmaster.claim(p.config.trust)
	if err != nil {
		return measurement{}, err
	}
	ran, err := p.watch.next(s, now, truetime.Time(r.status.IngressTime), r.status.MasterOffset, p.info)
	if err != nil {
		return measurement{}, err
	}
	offset, delay := time.Duration(r.status.MasterOffset), time.Duration(r.current.MeanPathDelay>>16)+1
	age := now.wall.Sub(truetime.Time(r.status.IngressTime))
	drift := p.host.Slack(age + ran) // the counter has gone on by that at most
	if offset.Abs() > p.config.maxError {
		return measurement{}, unusable("an offset of %v is above the limit of %v", offset, p.config.maxError)
	}
	e += offset.Abs() + delay + drift + ran + p.config.extraError
	return measurement{
		ahead:   offset + ahead,
		tai:     s.grandmaster.taiOffset(p.config.trust),
		claim:   e,
		delay:   delay,
		age:     max(age, 0) + ran + drift,
		shown:   s.grandmaster.shown(),
		peer:    fmt.Sprintf("grandmaster %v by ptp4l %v", s.grandmaster.identity, s.local),
		stratum: 1 + int(min(r.current.StepsRemoved, 14)),
		leap:    s.grandmaster.leap(),
	}, p.config.check(delay, e)
}
