package ptpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/epsilontime/epsilon/internal/hostname"
)

// server is where a PTP server is: a name that has yet to be resolved, or an IP address.
type server struct {
	host string
	ip   netip.Addr // of a literal, or as resolved
	name bool       // host is a name
}

func parseServer(s string) (server, error) {
	ip, name, err := hostname.Parse(s)
	switch {
	case err != nil:
		return server{}, fmt.Errorf("server %.80q: %w; ports are set by WithServerPorts", s, err)
	case ip.IsValid():
		return server{host: ip.String(), ip: ip}, nil
	}
	return server{host: name, name: true}, nil
}

// resolve finds the address of a name, and stays with it until forget.
func (s *server) resolve(ctx context.Context) error {
	if s.ip.IsValid() {
		return nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.host)
	if err != nil {
		return fmt.Errorf("cannot resolve the name: %w", err)
	}
	if len(found) == 0 {
		return fmt.Errorf("the name %s has no address", s.host)
	}
	s.ip = found[0].Unmap()
	return nil
}

// forget has a name resolved again.
func (s *server) forget() {
	if s.name {
		s.ip = netip.Addr{}
	}
}
