package ntpserver

import (
	"crypto/md5"
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Upstream is what the server says of whom its clock follows. Nothing of the bound rests on it:
// clients of NTP find loops with it, and choose by stratum.
type Upstream struct {
	Stratum     uint8         // of this server, 1 to 15; anything else is "not synchronized"
	ReferenceID [4]byte       // see ReferenceID
	Age         time.Duration // since the clock was last corrected
}

// Fixed is an Upstream that never changes, for [Config].
func Fixed(stratum uint8, referenceID [4]byte) func() Upstream {
	return func() Upstream { return Upstream{Stratum: stratum, ReferenceID: referenceID} }
}

// OwnReference is the reference ID of a server of stratum 1 that has no code of its own in the list
// of RFC 5905 figure 12. Codes that begin with X are free for experiments.
var OwnReference = [4]byte{'X', 'E', 'P', 'S'}

// UpstreamOf takes the truechimer of the lowest stratum for whom the clock follows: the first of
// them in the order of configuration, so that it seldom changes. Without a truechimer the server is
// not synchronized by what NTP means, except in holdover: then it is whoever was heard before.
//
// The lowest and not the highest, or two servers that follow each other as well as a server of
// stratum 1 would push each other's stratum up to 16.
func UpstreamOf(s truetime.Status) Upstream {
	u := Upstream{Age: -1}
	for _, source := range s.Sources {
		quiet := source.Verdict == truetime.Silent || source.Verdict == truetime.Unusable // it says that it is not synchronized
		heard := source.Verdict == truetime.Truechimer || quiet && s.State == truetime.Holdover && source.Interval.Valid()
		if !heard || source.NoVote {
			continue
		}
		if u.Age < 0 || source.Age < u.Age {
			u.Age = source.Age
		}
		if stratum := min(source.Stratum+1, 16); u.Stratum == 0 || stratum < int(u.Stratum) {
			u.Stratum, u.ReferenceID = uint8(stratum), ReferenceID(source.Name)
			if stratum == 1 {
				u.ReferenceID = OwnReference
			}
		}
	}
	u.Age = max(u.Age, 0)
	return u
}

// ReferenceID is how a server of stratum 2 or above says whom it follows: by its IPv4 address, or by
// the first four bytes of the MD5 sum of its IPv6 address (RFC 5905 section 7.3), with or without a
// port. Clients compare it with their own address, to find that two servers follow each other.
//
// Any other name, and a loopback address, which would say that the server follows itself, becomes a
// number in 240.0.0.0/4, which is nobody's address.
func ReferenceID(name string) (id [4]byte) {
	address, err := netip.ParseAddr(name)
	if withPort, e := netip.ParseAddrPort(name); err != nil && e == nil {
		address, err = withPort.Addr(), nil
	}
	address = address.Unmap().WithZone("")
	switch {
	case err == nil && address.IsLoopback():
	case err == nil && address.Is4():
		return address.As4()
	case err == nil:
		sum := md5.Sum(address.AsSlice())
		return [4]byte(sum[:4])
	}
	sum := md5.Sum([]byte(name))
	copy(id[:], sum[:])
	id[0] |= 0xf0
	return id
}
