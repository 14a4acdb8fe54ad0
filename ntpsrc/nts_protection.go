package ntpsrc

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
)

// protection is NTS for one exchange: it seals the request, and the connection asks it whether a
// datagram is the reply.
type protection struct {
	request *nts.Request
	sent    bool // somebody may have seen the request

	rejected int   // datagrams with the right origin that were not the server's
	reason   error // of the last of them
	nak      bool  // one of them was a kiss-o'-death NTSN
}

// accept reports whether a datagram is the reply.
func (p *protection) accept(datagram []byte) bool {
	err := p.request.Open(datagram)
	if err == nil {
		return true
	}
	p.rejected++
	p.reason = err
	p.nak = p.nak || errors.Is(err, nts.ErrNAK)
	return false
}

// rejections is how many datagrams explain speaks of.
func (p *protection) rejections() int {
	if p == nil {
		return 0
	}
	return p.rejected
}

// explain adds to the reason for which there is no reply what came instead of one.
func (p *protection) explain(err error) error {
	switch {
	case p.nak:
		return fmt.Errorf("the server says that it does not know our cookie (kiss-o'-death NTSN), and keys are exchanged anew: %w", err)
	case p.rejected == 1:
		return fmt.Errorf("a reply came %w: %w", p.reason, err)
	case p.rejected > 1:
		return fmt.Errorf("%d replies came, the last %w: %w", p.rejected, p.reason, err)
	}
	return err
}
