package engine

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// Held is an address of loopback that was chosen for a process which is yet to start, and may end
// and start again: nobody else can take it meanwhile. The process listens with ListenHeld.
//
// To find a free port and let go of it is not enough: whoever looks for one at that moment, in
// another process, may find the same.
type Held struct {
	Address string // host:port
	holder  io.Closer
}

// Hold chooses a port below those that systems give to outgoing connections (32768 on Linux, 49152
// elsewhere), which may be taken while the process is away, and be it by a client of that very
// address.
func Hold() (*Held, error) {
	const lowest, highest, attempts = 20000, 32767, 100
	var trouble error
	for range attempts {
		port := lowest + rand.IntN(highest-lowest+1)
		holder, err := hold(port)
		if err == nil {
			return &Held{fmt.Sprintf("127.0.0.1:%d", port), holder}, nil
		}
		trouble = err
	}
	return nil, fmt.Errorf("no free port from %d to %d: %w", lowest, highest, trouble)
}

// Release lets go of the address. A process that listens there goes on.
func (h *Held) Release() error { return h.holder.Close() }

// releaseAll lets go of addresses.
func releaseAll(held []*Held) error {
	var mistakes []error
	for _, h := range held {
		mistakes = append(mistakes, h.Release())
	}
	return errors.Join(mistakes...)
}
