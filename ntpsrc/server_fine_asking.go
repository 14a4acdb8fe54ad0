package ntpsrc

import (
	"net/netip"
	"sync"
)

// WithFineBounds asks the server to state its error more finely than the header of NTP can: up to 46
// µs less of ε, where the path is short enough for that to show. chronyd answers from version 4.2 on,
// and so does the NTP server of epsilon serve, without being configured to. Any other server is asked
// as before after a few polls. By default nothing is asked for.
//
// The question is two extension fields (RFC 7822), 56 bytes more in the request, and up to 28 in the
// reply. Many servers ignore fields that they do not know. Some drop the request, as ntpsec and openntpd
// do, or a firewall on the way does: so a server is asked plainly first, and again after each request with
// the question that brought no sample. After three that brought nothing the question is left out for
// 1024 polls: a server may have been updated by then. That costs a sample of its own at most for each
// question, and a server that answers plain requests is never lost by it.
//
// What a server states in a field is trusted like its header, and has to agree with it: a reply in
// which it does not is refused. Under [NTS] both are authenticated. The danger is in what a server
// leaves out, as chronyd does with most of its own clock's drift: the roundings of the header may have
// covered for it, and without them the claim is all there is. [WithExtraError] adds what is missing.
// The question also shows who asks: no other client sends these two fields together.
func WithFineBounds() NetworkOption {
	return option(func(c *config) { c.fineBounds = true })
}

const (
	maxVain  = 3    // questions in a row that bring nothing, before they are left out
	leaveOut = 1024 // polls
)

// asking decides which requests of a source ask for finer bounds.
type asking struct {
	mu       sync.Mutex     // guards what follows: a source may serve several clocks
	whom     netip.AddrPort // the server that all of it is about
	answers  bool           // the last request got a sample; else the next one is plain
	doubted  bool           // the last question got no sample, and it is not known yet whether a plain request does
	vain     int            // questions in a row that brought nothing
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
// may as well be down.
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
	case sample && c.finer:
		a.vain, a.doubted = 0, false
	case sample && (c.asked || a.doubted):
		a.doubted = false
		if a.vain++; a.vain >= maxVain {
			a.leaveOut = leaveOut
		}
	case c.asked:
		a.doubted = true
	}
	a.answers = sample
}

// forgetLocked begins anew with another server. The lock is held.
func (a *asking) forgetLocked(whom netip.AddrPort) {
	a.whom, a.answers, a.doubted, a.vain, a.leaveOut = whom, false, false, 0, 0
}
