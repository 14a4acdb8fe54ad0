package truetime

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// Scale says how a source counts time, which makes a difference around leap seconds. The zero value is
// [ScaleUTC].
//
// A source declares it in its [SourceInfo]. What clocks answer is always UTC smeared from noon to noon, whatever
// their sources serve: see [Time].
type Scale struct{ profile leap.Profile }

// ScaleUTC steps at a leap second: a second happens twice, or one does not happen. That is how most NTP
// servers and all Linux machines count. Within 5 s of a leap second their samples are not used.
func ScaleUTC() Scale { return Scale{} }

// ScaleUTCSmeared spreads a leap second evenly over the 24 hours from noon to noon around it, so that seconds are longer by
// 11.6 ppm, as the servers of Google and AWS do and as a [Clock] itself does.
func ScaleUTCSmeared() Scale {
	return Scale{leap.Profile{Kind: leap.Smearing, Smear: leap.NoonToNoon()}}
}

// ScaleUTCSmearedOver spreads a leap second evenly over so long a time by the smeared clock, beginning so long
// after it, or before it if start is negative. [ScaleUTCSmeared] is
// ScaleUTCSmearedOver(-12*time.Hour, 24*time.Hour).
// Start is at most 10 days either way, and duration 10 s to 10 days; [New] says if they are not.
func ScaleUTCSmearedOver(start, duration time.Duration) Scale {
	return Scale{leap.Profile{Kind: leap.Smearing, Smear: leap.Smear{Start: start, Duration: duration}}}
}

// ScaleTAI has no leap seconds: it is the scale of PTP. Latest and Earliest of a sample count nanoseconds since 1970
// in it, which is ahead of UTC by whole seconds, 37 since 2017.
func ScaleTAI() Scale { return Scale{leap.Profile{Kind: leap.Atomic}} }

// String describes the scale in a few words, as in "UTC with steps".
func (s Scale) String() string { return s.profile.String() }

// profiles returns what the sources declare to serve.
func profiles(infos []SourceInfo) (declared []leap.Profile) {
	for _, i := range infos {
		declared = append(declared, i.Scale.profile)
	}
	return declared
}

// say is what a sample announces, for those who vote on leap seconds. A smearing source shows none,
// whatever it knows (RFC 8633 section 3.7.1).
func (s *Sample) say(scale Scale) leap.Say {
	switch {
	case scale.profile.Kind == leap.Smearing:
		return leap.Nothing
	case s.Leap == LeapNone:
		return leap.NoLeap
	case s.Leap == LeapInsert:
		return leap.Insert
	case s.Leap == LeapDelete:
		return leap.Remove
	}
	return leap.Nothing
}

// Smear returns how the scale spreads a leap second, in the terms of [ScaleUTCSmearedOver], if it does.
func (s Scale) Smear() (start, duration time.Duration, smeared bool) {
	p := s.profile
	return p.Smear.Start, p.Smear.Duration, p.Kind == leap.Smearing
}
