package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/truetime"
)

// A place is what a vote belongs to, and this file decides which server has it.
//
// The clock counts on it that at most f of its n voters are wrong. Whoever can drop packets can
// make servers silent, and that must not help him to more votes. So a server that has had the vote
// keeps it while it is silent, and its interval widens. It loses its place only where that cannot
// make one voter more wrong:
//
//   - It was never given the vote: it has not answered, or its answers were not used.
//   - It was wrong for maxWrong polls in a row, by the judgement of the clock. Of f wrong voters
//     one is replaced by somebody who is wrong at worst.
//   - The name led to one server, and to one it leads now: the voter is who has the name.
//   - Whoever answers proves that it is the one that was configured (NTS): likewise.
//   - The user has said that it may (WithReplaceAfter).
//
// Refusing service, which can be forged, and answers that cannot be used are silence. So is an
// answer by a server that has another voter's vote, which the clock does not use.

const (
	// A server is replaced after it was found wrong in so many polls in a row: it may be just being
	// stepped.
	maxWrong = 8

	// So many polls without an answer are silence. One lost datagram is none, and a server that is
	// restarted comes back.
	maxSilent = 3

	// maxSilentReplaced is the same where another server gets the vote.
	maxSilentReplaced = 8
)

// place is where the source of one vote finds its server.
type place struct {
	roster *roster // nil if the server was given by its address, and is always the same
	port   uint16

	pooled       bool          // it is one of several of its name
	proves       bool          // whoever answers proves that it is the one that was configured
	forwarded    bool          // see WithPortForwarding
	replaceAfter time.Duration // of silence; 0 for never

	turn perclock.Turn // of whoever takes a server

	mu     sync.Mutex // guards what follows: it may serve several clocks
	server candidate  // not valid if nobody has the place
	single bool       // the name led to that one alone
	voted  bool       // an answer of it was used
	newest bool       // it has answered, and it is not known yet whether that was used

	refused bool      // its last answer was not used
	silent  int       // polls in a row without an answer
	wrong   int       // in which it was found wrong
	heard   time.Time // when it has answered last
	claimed []string  // see [truetime.PollInfo]
}

func newPlace(a address) *place {
	p := &place{port: a.port}
	if a.ip.IsValid() {
		p.server = candidate{a.ip, machineAt(a.ip)}
	} else {
		p.roster = newRoster(a.host)
	}
	return p
}

// take returns the server to ask. The context is that of the poll.
func (p *place) take(ctx context.Context) (candidate, error) {
	if p.roster == nil {
		return p.server, nil
	}
	if err := p.turn.Take(ctx); err != nil {
		return candidate{}, err
	}
	defer p.turn.Leave()
	p.noteVerdict(truetime.PollInfoOf(ctx))
	s, why := p.present()
	if why != stays && p.roster.renewed(ctx, s, p.free, why == followsItsName) {
		p.leave(s, why)
		s = candidate{}
	}
	if s.at.IsValid() {
		return s, nil
	}
	s, single, err := p.roster.take(ctx, p.free)
	if err != nil {
		return candidate{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server, p.single, p.heard = s, single, p.roster.now()
	p.voted, p.newest, p.refused, p.silent, p.wrong = false, false, false, 0, 0
	return s, nil
}

// noteVerdict takes notice of what the clock made of the last poll.
func (p *place) noteVerdict(last truetime.PollInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claimed = last.Claimed
	if p.newest {
		p.newest, p.voted, p.refused = false, p.voted || last.Unused == nil, last.Unused != nil
	}
	switch last.Verdict {
	case truetime.Falseticker, truetime.Convicted:
		if p.voted { // else it is the verdict on its predecessor
			p.wrong++
		}
	default:
		p.wrong = 0
	}
}

// free reports whether a server may have the place: it is not that of a source that cannot ask
// anybody else.
func (p *place) free(c candidate) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.freeLocked(c)
}

func (p *place) freeLocked(c candidate) bool {
	return len(p.claimed) == 0 || !slices.Contains(p.claimed, p.peer(c))
}

// reason is why a server may lose its place.
type reason int

const (
	stays          reason = iota // it may not
	neverVoted                   // its answers are not used
	foundWrong                   // for long enough
	silentTooLong                // and the user has said that it may be replaced for that, or its successor proves who it is
	followsItsName               // it is silent, and may be replaced as long as its name leads to one server
)

// present returns the server that has the place, if anybody has, and whether another one may get
// it.
func (p *place) present() (candidate, reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	why := stays
	switch silent := p.silent >= maxSilent; {
	case p.server == candidate{}:
	case !p.voted && (p.refused || silent):
		why = neverVoted
	case p.wrong >= maxWrong && !p.proves:
		why = foundWrong
	case silent && p.proves:
		why = silentTooLong
	case p.replaceAfter > 0 && p.silent >= maxSilentReplaced && p.roster.now().Sub(p.heard) >= p.replaceAfter:
		why = silentTooLong
	case silent && p.single && !p.pooled:
		why = followsItsName
	}
	return p.server, why
}

// answered notes an answer that the clock may use.
func (p *place) answered(s candidate) {
	if p.roster == nil {
		return
	}
	p.roster.answered(s.at)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == p.server { // else another clock has replaced it meanwhile
		p.newest, p.silent, p.heard = true, 0, p.roster.now()
	}
}

// failed notes why there is no answer that the clock can use, and returns what to tell it.
func (p *place) failed(s candidate, err error) error {
	if p.roster == nil {
		return err
	}
	denied, slow := errors.Is(err, truetime.ErrDenied), errors.Is(err, truetime.ErrSlowDown)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s != p.server {
		return err
	}
	if !slow {
		p.silent++
	}
	mayStay := (p.voted || p.newest) && !(denied && p.replaceAfter > 0)
	if mayStay || !p.roster.others(s, p.freeLocked) && !(p.pooled && denied) {
		return err
	}
	switch {
	case denied:
		p.leaveLocked(deniedFor)
	case slow:
		p.leaveLocked(slowFor)
	default:
		p.leaveLocked(0)
		return err
	}
	// It is this server that does not want to be asked, and not the next one.
	return fmt.Errorf("%w: another server is asked from now on: %v", truetime.ErrUnusable, err)
}

// leave takes the place from a server, if that still has it.
func (p *place) leave(s candidate, why reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.server != s:
	case why == foundWrong:
		p.leaveLocked(wrongFor)
	default:
		p.leaveLocked(0)
	}
}

func (p *place) leaveLocked(pause time.Duration) {
	p.roster.leave(p.server, pause, p.silent > 0 && !p.voted)
	p.server = candidate{}
}

// settle gives the place to the server at an address that was found otherwise.
func (p *place) settle(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server.at == a {
		return
	}
	p.roster.giveBack(p.server)
	p.server = candidate{a, machineAt(a)}
	p.voted, p.newest, p.refused, p.silent, p.wrong = false, false, false, 0, 0
	p.heard = p.roster.now()
}

// vacate has nobody in the place, which is not used any more.
func (p *place) vacate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roster.giveBack(p.server)
	p.server = candidate{}
}

// provenPlace is newPlace for a server that proves with each reply that it is the one.
func provenPlace(a address, forwarded bool) *place {
	p := newPlace(a)
	p.proves, p.forwarded = true, forwarded
	return p
}
