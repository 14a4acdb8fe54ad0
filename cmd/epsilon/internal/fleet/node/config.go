package node

import (
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
	"github.com/epsilontime/epsilon/truetime"
)

// Port is where a fleet talks unless it is said otherwise.
const Port = 4461

// Limits of a configuration.
const (
	MinInterval     = 100 * time.Millisecond
	MaxInterval     = time.Hour
	DefaultInterval = time.Second
)

// Config is who a machine is and whom it asks.
type Config struct {
	Reader truetime.Reader
	Name   string
	Listen []netip.AddrPort

	// Peers are the others as host:port, and may have this machine among them. List is the host:port whose addresses they are instead.
	Peers []string
	List  string

	Key      wire.Key
	Faulty   int // how many machines may be wrong, or fleet.Minority
	Interval time.Duration
	Patience time.Duration // for how long a reply is waited for; 0 stands for a second
}
