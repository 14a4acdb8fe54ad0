package ntpsrc

import (
	"net/netip"
	"sync"
)

// WithFineBounds asks the server to state its error more finely than the header of NTP can: up to 46
// µs less of ε, where the path is short enough for that to show. chronyd answers from version 4.2 on,
// and so does the NTP server of epsilon serve, without being configured to. Any other server is asked
// as before after a few polls. By default nothing is asked for. Stamps in Status says "finer bounds"
// where the server has answered.
//
// The question is two extension fields (RFC 7822), 56 bytes more in the request, and up to 28 in the
// reply. Many servers ignore fields that they do not know. Some drop the request, as ntpsec and openntpd
// do, or a firewall on the way does: so a server is asked plainly first, and again after each request with
// the question that brought no sample. After three in a row that brought nothing, or some more if it is
// every second, the question is left out for 1024 polls: a server may have been updated by then. That
// costs a sample of its own at most for each question, and a server that answers plain requests is
// never lost by it.
//
// What a server states in a field is trusted like its header, and has to agree with it and with the
// exchange. A reply in which it does not is refused, and the question is left out for 1024 polls at
// once: a server that is believed whenever its claim cannot be seen to be false is believed too often.
// Under [NTS] field and header are both authenticated.
//
// The danger is in what a server leaves out, and the roundings of the header may have covered for.
// Without them the claim is all there is. chronyd states nothing of
//
//   - most of its own clock's drift: it counts 1 ppm of it by default (maxclockerror);
//   - the error of a correction that is under way, 1 to 10 µs while its clock is slewed;
//   - the error of its stamps, above all with those of a network card (hwtimestamp), which are
//     converted to its system clock.
//
// So add some µs with [WithExtraError] for a chronyd that follows others or stamps by hardware. All the
// more with [WithDistance], which takes away what the path makes up for.
//
// The question also shows who asks: no other client sends these two fields together.
func WithFineBounds() NetworkOption {
	return option(func(c *config) { c.fineBounds = true })
}

// Questions that bring nothing are counted by a bucket that leaks, so that those count which fail only
// now and then: each adds 2, and each that is answered takes 1 away. At 6 the question is left out.
// Up to one in three, as many as a network loses that is still of use, it never comes to that.
const (
	vainCost = 2
	maxVain  = 3 * vainCost
	leaveOut = 1024 // polls
)

// asking decides which requests of a source ask for finer bounds.
type asking struct {
	mu       sync.Mutex     // guards what follows: a source may serve several clocks
	whom     netip.AddrPort // the server that all of it is about
	answers  bool           // the last request got a sample; else the next one is plain
	doubted  bool           // the last question got no sample, and it is not known yet whether a plain request does
	vain     int            // how often questions have brought nothing lately, 0 to maxVain
	leaveOut int            // polls until the next question
}

// due reports whether the next request is to ask.
func (a *asking) due(whom netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.whom != whom {
		a.forgetLocked(whom)
	}
	if a.leaveOut > 0 {
		a.leaveOut--
		return false
	}
	return a.answers
}

// note takes notice of what came of a request: with a sample, or without. A question without a sample
// is held against the server's knowing it only once a plain request has got one: until then the server
// may as well be down. An answer that is false counts at once (package distance says why, of another
// claim).
func (a *asking) note(whom netip.AddrPort, c *conn, sample bool) {
	if c == nil {
		return // there was no request
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.whom != whom {
		return // another clock asks another server by now
	}
	switch {
	case c.disproved:
		a.vainLocked(maxVain)
	case sample && c.finer:
		a.vain, a.doubted = max(a.vain-1, 0), false
	case sample && (c.asked || a.doubted):
		a.vainLocked(vainCost)
	case c.asked:
		a.doubted = true
	}
	a.answers = sample
}

// vainLocked counts questions that brought nothing. The lock is held.
func (a *asking) vainLocked(cost int) {
	a.doubted = false
	if a.vain = min(a.vain+cost, maxVain); a.vain == maxVain {
		a.leaveOut = leaveOut
	}
}

// forgetLocked begins anew with another server. The lock is held.
func (a *asking) forgetLocked(whom netip.AddrPort) {
	a.whom, a.answers, a.doubted, a.vain, a.leaveOut = whom, false, false, 0, 0
}
