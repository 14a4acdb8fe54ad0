package ntpsrc

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// References that follow nobody
//
// A server names whom it follows: at stratum 1 by the code of a radio or a device, above that by
// the IPv4 address of a server. Some name themselves. They serve whatever their clock happens to
// be, mostly with a claim of next to nothing, and all the servers of a site say it at the same time
// when its uplink is gone, so that no majority helps. Whoever follows such a server cannot be told
// from an honest one: it names it, and nobody knows what that one follows.

// WithLocalReference makes a source use servers that say they follow nobody but their own clock. By
// default their answers are unusable, because what such a server claims does not bound its distance
// from true time. Use it where the server's clock is true time by definition: in tests, on an
// island without a better clock, or for a server whose clock something else than NTP keeps right
// and that cannot say so. The danger is a wrong interval, from all such servers together.
//
// Servers are recognised by their reference ID:
//
//	127.127.1.x                 the local clock driver of ntpd and ntpsec, the directive local of chronyd, and
//	                            what routers call ntp master or refclock-master
//	127.127.7.1                 ntp master of older Cisco IOS
//	LOCL, LCL, LOCA, FREE       an uncalibrated local clock (RFC 4330), as Windows has without a source
//	LOOP, or 127.0.0.1 with a   an orphan: an ntpd or ntpsec that has lost all its sources (tos orphan)
//	root delay of 0
//	none at stratum 1, with a   the ntpd of BusyBox without a source
//	correction at this moment
//
// [Kernel] cannot tell: see there.
func WithLocalReference() ChronyOption {
	return option(func(c *config) { c.localReference = true })
}

// reference is what a server says of whom it follows.
type reference struct {
	id            [4]byte
	stratum       int
	zeroDelay     bool // root delay is 0: less than half of 2⁻¹⁶ s to the end of the chain
	justCorrected bool // its clock was corrected at the very moment when the request came
}

// ownClockCodes are those for a clock that nothing corrects, without what fills them up to four
// bytes. Only stratum 1 has codes by the rules; appliances show them at others too.
var ownClockCodes = []string{"LOCL", "LCL", "LOCA", "FREE", "LOOP"}

// check refuses a reference that follows nobody, unless that is allowed.
func (r reference) check(c config) error {
	if c.localReference {
		return nil
	}
	if what := r.followsNobody(); what != "" {
		return unusable("the server follows nobody and serves its own clock: its reference is %s; ntpsrc.WithLocalReference allows it", what)
	}
	return nil
}

// followsNobody returns how a server says that it follows nobody, or nothing if it does not say so.
func (r reference) followsNobody() string {
	code, address := strings.TrimRight(string(r.id[:]), "\x00 "), netip.AddrFrom4(r.id)
	switch {
	case slices.Contains(ownClockCodes, strings.ToUpper(code)):
		return fmt.Sprintf("%q", code)
	case r.id[0] == 127 && r.id[1] == 127 && r.id[2] == 1, address == oldCiscoMaster:
		return address.String() + " (a local clock)"
	case address == loopback && r.stratum > 1 && r.zeroDelay:
		return address.String() + " (an orphan)"
	case r.id == [4]byte{} && r.stratum == 1 && r.justCorrected:
		return "none"
	}
	return ""
}

var (
	oldCiscoMaster = netip.AddrFrom4([4]byte{127, 127, 7, 1})
	loopback       = netip.AddrFrom4([4]byte{127, 0, 0, 1})
)

// follows is whom the sender of a reply follows.
func (h header) follows() reference {
	return reference{h.referenceID, int(h.stratum), h.rootDelay == 0, h.reference == h.received}
}

// trackedReference is whom a chronyd follows, by what it says of its tracking.
func trackedReference(id uint32, stratum uint16, rootDelay float64) reference {
	r := reference{stratum: int(stratum), zeroDelay: rootDelay == 0}
	binary.BigEndian.PutUint32(r.id[:], id)
	return r
}
