package engine

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// ListenLow listens at a free port of loopback that a process may come back to after a restart: below those
// that systems give to outgoing connections (32768 on Linux, 49152 elsewhere). One of those may have been
// taken meanwhile, and be it by a client of that very address.
func ListenLow() (net.Listener, error) {
	const lowest, highest, attempts = 20000, 32767, 100
	var err error
	for range attempts {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest+1))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no free port from %d to %d: %w", lowest, highest, err)
}
