// Package ports finds ports for servers that are started later, and perhaps again.
package ports

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
)

// Those below the ones that systems give to clients (32768 on Linux, 49152 elsewhere): a port that was found and let go of is
// given to nobody who did not ask for it.
const lowest, highest = 20000, 32767

// UDP returns so many UDP ports of an address at which nobody listens. It skips the test where nobody can.
func UDP(t testing.TB, host string, n int) (found []netip.AddrPort) {
	t.Helper()
	address, err := netip.ParseAddr(host)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 * n {
		at := netip.AddrPortFrom(address, uint16(lowest+rand.IntN(highest-lowest+1)))
		var c *net.UDPConn
		if c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err != nil {
			continue
		}
		defer c.Close()
		if found = append(found, at); len(found) == n {
			return found
		}
	}
	t.Skipf("nothing can listen at %s: %v", host, err)
	return nil
}
