package ntpsrc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/epsilontime/epsilon/internal/hostname"
)

const ntpPort = 123

// address is where a server is: a name that has yet to be resolved, or an IP address.
type address struct {
	host string     // as a name, lower case; empty if ip is set
	ip   netip.Addr // as a literal
	port uint16
}

// parseAddress reads "host", "host:port", an IPv4 or IPv6 literal, and "[literal]:port". An IPv6
// literal may have a zone.
func parseAddress(s string) (address, error) { return parseAddressOf(ntpPort, s) }

// parseAddressOf is parseAddress for a service with another usual port.
func parseAddressOf(usual uint16, s string) (address, error) {
	if s == "" {
		return address{}, errors.New("the address is empty: give a host name or an IP address, with or without :port")
	}
	if strings.Contains(s, "://") {
		return address{}, fmt.Errorf("address %.80q is a URL: give the host alone, with or without :port", s)
	}
	host, port := s, usual
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		host = s[1 : len(s)-1]
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(s, ":") {
		var text string
		if host, text, err = net.SplitHostPort(s); err != nil {
			return address{}, fmt.Errorf("address %.80q is neither host, host:port nor [IPv6]:port", s)
		}
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil || number == 0 {
			return address{}, fmt.Errorf("address %.80q: port %.20q is not a number from 1 to 65535", s, text)
		}
		port = uint16(number)
	}

	ip, name, err := hostname.Parse(host)
	if err != nil {
		return address{}, fmt.Errorf("address %.80q: %w", s, err)
	}
	return address{host: name, ip: ip, port: port}, nil
}

// String is the shortest form that names the same server, so that two spellings of one address
// give one name.
func (a address) String() string {
	if a.port == ntpPort {
		return a.hostText()
	}
	return a.hostPort()
}

// hostText is the address without its port.
func (a address) hostText() string {
	if a.ip.IsValid() {
		return a.ip.String()
	}
	return a.host
}

// hostPort is the address with its port, as net.Dial wants it.
func (a address) hostPort() string {
	return net.JoinHostPort(a.hostText(), strconv.Itoa(int(a.port)))
}
