package ntpsrc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// attemptDelay is how long a connection attempt may take before the next address is tried beside it
// (RFC 8305 section 5).
const attemptDelay = 250 * time.Millisecond

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialFirst connects by TCP to whichever of the addresses can be reached first. They are tried in
// order, the next when one has failed or has been silent for a while: packets of IPv6, for one, may
// vanish.
func dialFirst(ctx context.Context, addresses []netip.AddrPort, dial dialFunc) (net.Conn, error) {
	if len(addresses) == 0 {
		return nil, errors.New("there is no address to connect to")
	}
	ctx, cancel := context.WithCancel(ctx)
	type attempt struct {
		conn net.Conn
		err  error
	}
	attempts, begun, ended := make(chan attempt), 0, 0
	defer func() {
		cancel()
		for ; ended < begun; ended++ { // none of them outlives the call
			if a := <-attempts; a.conn != nil {
				_ = a.conn.Close()
			}
		}
	}()
	begin := func() {
		to := addresses[begun].String()
		begun++
		go func() {
			conn, err := dial(ctx, "tcp", to)
			attempts <- attempt{conn, err}
		}()
	}
	begin()
	next := time.NewTicker(attemptDelay)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case a := <-attempts:
			ended++
			if a.err == nil {
				return a.conn, nil
			}
			if ended == len(addresses) {
				return nil, a.err
			}
		}
		if begun < len(addresses) {
			begin()
		}
	}
}
