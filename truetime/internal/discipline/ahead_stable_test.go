package discipline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// wanderer is true time as a function of the exact counter: by how much it is ahead, in nanoseconds, and at
// which rate it gains. The rate moves at the edge of what is assumed.
type wanderer struct {
	counter     float64 // ns since the beginning
	ahead, rate float64
	wander      float64 // per nanosecond, as it is now
	least, most float64 // the limits of the rate
}

// run lets the counter advance by ns.
func (o *wanderer) run(ns float64) {
	for ns > 0 {
		span, next := ns, o.wander
		limit := o.most
		if o.wander < 0 {
			limit = o.least
		}
		if o.wander != 0 {
			if until := (limit - o.rate) / o.wander; until <= 0 {
				o.wander, next = 0, 0
			} else if until < span {
				span, next = until, 0
			}
		}
		o.ahead += o.rate*span + o.wander*span*span/2
		o.rate += o.wander * span
		o.counter += span
		o.wander = next
		ns -= span
	}
}

// A process is stopped after it has concluded what it is about to publish, and goes on minutes later: the rate
// has moved all the while.
func TestAheadThatIsPublishedLateIsSound(t *testing.T) {
	const wander = 1e-8 / 1e9
	o := &wanderer{least: slowestPPB * 1e-9, most: fastestPPB * 1e-9, wander: wander}
	d := New(Config{Scale: Scale{Drift: NewDrift(200_000), Resolution: 1}, Stability: Stability{Wander: wander * 1e9}, Voter: []int{0}})
	for range 60 {
		now := monotonic.Instant(o.counter)
		truth := int64(o.counter + o.ahead)
		require.NoError(t, d.Add(0, Facts{Upper: Point{now, truth + 100}, Lower: Point{now, truth - 100}}, 1, now))
		o.run(1e9)
	}
	bounds, ok := d.Bounds()
	require.True(t, ok)
	o.run(600e9)
	late := monotonic.Instant(o.counter)
	a, ok := bounds.Ahead(late, uint64(late), Nanoseconds, nil)
	require.True(t, ok)
	for range 100 {
		o.run(0.1e9)
		_, upper, ok := a.Late(uint64(o.counter))
		require.True(t, ok)
		require.LessOrEqual(t, o.counter+o.ahead, float64(upper), "%v after it was published", monotonic.Instant(o.counter).Sub(late))
	}
}
