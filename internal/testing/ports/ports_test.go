package ports

import (
	"net"
	"net/netip"
	"testing"
)

func TestPortsAreDifferentAndFree(t *testing.T) {
	seen := map[netip.AddrPort]bool{}
	for _, at := range UDP(t, "127.0.0.1", 20) {
		if seen[at] || at.Port() < lowest || at.Port() > highest {
			t.Errorf("%v is none to give, or was given already", at)
		}
		seen[at] = true
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
}
