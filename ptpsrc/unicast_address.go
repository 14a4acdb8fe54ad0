package ptpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/epsilontime/epsilon/internal/hostname"
)

// server is where a PTP server is: a name that has yet to be resolved, or an IP address.
type server struct {
	host string
	ip   netip.Addr // of a literal, or as resolved
	name bool       // host is a name
}

func parseServer(s string) (server, error) {
	// A dot at the end is dropped, also of an IP address: resolvers take one for the same.
	if ip, err := netip.ParseAddr(strings.TrimSuffix(s, ".")); err == nil {
		ip = ip.Unmap()
		if ip.IsUnspecified() || ip.IsMulticast() {
			return server{}, fmt.Errorf("server %.80q: %v is not the address of one server", s, ip)
		}
		if !hostname.ValidZone(ip.Zone()) {
			return server{}, fmt.Errorf("server %.80q: %.80q is not the zone of an address: give the name or the number of an interface after the %%", s, ip.Zone())
		}
		return server{host: ip.String(), ip: ip}, nil
	}
	host := strings.ToLower(strings.TrimSuffix(s, "."))
	if !hostname.Valid(host) {
		return server{}, fmt.Errorf("server %.80q is neither a host name nor an IP address; ports are set by WithServerPorts", s)
	}
	return server{host: host, name: true}, nil
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
