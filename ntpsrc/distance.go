package ntpsrc

import "time"

// How far away a server is, as its user knows. What follows from that is in package distance.

// WithDistance declares that the server is at least so many kilometres away: above 0, and at most
// 20 038, which is half of the Earth's circumference. Nothing is assumed without it.
//
// No signal is faster than light, so each message takes m = distance / 299 792.458 km/s at least.
// That makes ε smaller by m: it is δ/2 − m + E, below half the round trip.
//
// It is your word, and nothing in NTP confirms it. If it is false the interval can be wrong by up to
// m. A round trip shorter than 2m disproves it: all that the source has said is dropped, and it is
// unusable, with the reason, until 16 round trips in a row have fitted. If more sources than may be wrong have been
// disproved, the epoch ends. A server that is nearer than declared and always takes longer than 2m to answer
// does not show.
//
// So declare it only if you know in which building the server stands, and this host:
//
//   - For every address behind the name, also after a failover to another site.
//   - Never for an anycast address, or a name that leads each client to the nearest of many servers:
//     the nearest instance answers, and the interval is wrong by up to m.
//   - Not where something on the way may intercept UDP port 123 and answer in the server's place.
//     With [NTS] nobody else can answer; the distance is then that of the NTP server which the key
//     exchange names.
//   - Not for a host that moves: a laptop, or a virtual machine that may be migrated to another site.
//   - Not by what a database says of an IP address.
//
// The distance is that between the two places along the ground, and not the length of a cable. A
// formula for a sphere may give 0.6 % too much, so take 1 % off. The path no longer makes up for a
// server whose stamps are worse than it claims: see [WithExtraError]. With [WithFineBounds] the roundings
// of its header do not make up for it either.
//
// Given twice, the last one counts. If [WithMinDelay] is given too, the larger m counts.
func WithDistance(kilometres float64) ServerOption {
	return option(func(c *config) { c.Add(c.distance.SetDistance(kilometres)) })
}

// WithMinDelay declares that each message, to the server and from it, takes at least so long: above
// 0, and at most 1 s. It is [WithDistance] for those who know the path: glass fibre takes 4.8 µs for
// a kilometre, and a hop by a geostationary satellite 238 ms. All that is said there holds for it.
//
// It has to be true of either way by itself, and of every route that a packet may take. Half of a
// round trip is not such a number, however often it was measured: the two ways may differ, and the
// shorter one may be much below the half.
func WithMinDelay(oneWay time.Duration) ServerOption {
	return option(func(c *config) { c.Add(c.distance.SetMinDelay(oneWay)) })
}
