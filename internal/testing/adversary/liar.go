package adversary

import (
	"sync/atomic"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// liar is a server that tells the lie of the turn.
type liar struct {
	*ntptest.Server
	name  string
	truth Truth
	lie   atomic.Pointer[lie]
	told  *[kinds]atomic.Int64 // how many replies of each kind have been sent

	// Of its server's goroutine alone.
	telling  *lie // the lie for which there are the rest
	replies  int
	identity ntptest.Identity
	kept     []byte
	before   []byte // the origin of the request before this one
}

func newLiar(name string, truth Truth, first lie, told *[kinds]atomic.Int64) (*liar, error) {
	l := &liar{name: name, truth: truth, told: told, before: make([]byte, 8)}
	l.lie.Store(&first)
	var err error
	l.Server, err = ntptest.Listen("127.0.0.1:0", l.behavior(false))
	return l, err
}

// behavior leaves everything to answer but the port that replies come from.
func (l *liar) behavior(astray bool) ntptest.Behavior {
	return ntptest.Behavior{Clock: l.truth.Now, Astray: astray, Edit: l.answer}
}

// become changes the lie.
func (l *liar) become(b lie) {
	l.lie.Store(&b)
	l.Set(l.behavior(b.astray))
}

func (l *liar) answer(request, _ []byte) [][]byte {
	current := l.lie.Load()
	if l.telling != current {
		l.telling, l.replies, l.kept, l.identity = current, 0, nil, identity(l.name, l.truth)
	}
	l.replies++
	said := *current
	if said.every > 1 && l.replies%said.every != 0 {
		said = lie{claim: said.claim} // right this time
	}
	behavior := said.behavior(l.truth)
	behavior.Identity = l.identity
	if said.rate && l.replies == 1 {
		behavior.Kiss = "RATE"
	}
	received := l.truth.Now()
	if said.held < 0 {
		received = received.Add(-said.held)
		behavior.Held = 0
	}
	replies := behavior.Reply(request, received)
	if said.edit != nil {
		replies = said.edit(l, request, replies[0])
	}
	l.before = append(l.before[:0], request[sentAt:messageSize]...)
	l.told[current.kind].Add(int64(len(replies)))
	return replies
}
