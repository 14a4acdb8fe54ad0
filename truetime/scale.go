package truetime

import "github.com/epsilontime/epsilon/truetime/internal/leap"

// Scale says how a source counts time, which makes a difference around leap seconds.
//
// A source declares it in its [SourceInfo]. What a clock answers is always UTC smeared from noon to
// noon, whatever its sources serve: see [Time].
type Scale uint8

// The scales that a source can serve. Another smear than the one from noon to noon cannot be
// declared: use servers that step or serve TAI instead.
const (
	// ScaleUTC steps at a leap second: one second happens twice, or does not happen. Most NTP servers
	// and all Linux machines count like this. Their samples are not used if they are stamped within 6 s of a leap second.
	ScaleUTC Scale = iota

	// ScaleUTCSmeared spreads a leap second evenly over the 24 hours from noon to noon around it. Its
	// seconds are then longer or shorter by 11.6 ppm. The servers of Google and AWS count like this,
	// and so does a [Clock] (https://developers.google.com/time/smear).
	ScaleUTCSmeared

	// ScaleTAI has no leap seconds: it is the scale of PTP. Latest and Earliest of a sample count
	// nanoseconds since 1970 in it. It is ahead of UTC by whole seconds, 37 since 2017.
	ScaleTAI
)

// String describes the scale in a few words, as in "UTC with steps".
func (s Scale) String() string { return name(s, scaleNames) }

var scaleNames = []string{leap.ScaleUTC.String(), leap.ScaleUTCSmeared.String(), leap.ScaleTAI.String()}

// MarshalText writes what String returns.
func (s Scale) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Scale) UnmarshalText(text []byte) error { return parseName(s, text, scaleNames) }

// The scales are those of package leap, and the leap indicators its announcements, number for
// number: this does not compile otherwise.
var (
	_ = [1]struct{}{}[ScaleUTC-Scale(leap.ScaleUTC)]
	_ = [1]struct{}{}[ScaleUTCSmeared-Scale(leap.ScaleUTCSmeared)]
	_ = [1]struct{}{}[ScaleTAI-Scale(leap.ScaleTAI)]
	_ = [1]struct{}{}[LeapUnknown-Leap(leap.Nothing)]
	_ = [1]struct{}{}[LeapNone-Leap(leap.NoLeap)]
	_ = [1]struct{}{}[LeapInsert-Leap(leap.Insert)]
	_ = [1]struct{}{}[LeapDelete-Leap(leap.Remove)]
)
