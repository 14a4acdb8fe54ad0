package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// Whatever sources say, near the ends of what an int64 can hold or near the ends of months, nothing panics, an answer is
// never upside down, and Earliest does not go back within an epoch.
func TestAbsurdSamplesOfEveryScaleDoNoHarm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	answers := 0
	for world := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, world))
		scales := []leap.Scale{leap.ScaleUTC, leap.ScaleTAI, leap.ScaleUTCSmeared}
		c := Config{
			Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000), Resolution: r.Int64N(3)}},
			Poll:       polling.Config{Min: time.Second, Max: time.Minute, Burst: 1},
		}
		n, one := 1+r.IntN(4), r.IntN(2*len(scales))
		for i := range n {
			c.Discipline.Voter = append(c.Discipline.Voter, i)
			c.Scale = append(c.Scale, scales[r.IntN(len(scales))])
			if one < len(scales) {
				c.Scale[i] = scales[one]
			}
		}
		liars := r.IntN(2) * r.IntN(n+1)
		c.Discipline.Faulty = r.IntN((n-1)/2 + 1)
		moments := []int64{0, math.MinInt64, math.MaxInt64, 1 << 62, -1 << 62, time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC).UnixNano(), time.Date(2116, 2, 1, 0, 0, 0, 0, time.UTC).UnixNano(), time.Date(1972, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}
		moment := moments[r.IntN(len(moments))]
		near := func() int64 {
			spread := []int64{2, int64(time.Second), int64(time.Hour), int64(40 * 24 * time.Hour)}[r.IntN(4)]
			return moment + r.Int64N(spread) - spread/2 // wrapping around is fine
		}
		if r.IntN(2) == 0 {
			table, err := leap.NewTable([]leap.Entry{{At: leap.UTC(time.Date(1972, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()), Offset: 1000 - r.IntN(2000)}}, leap.UTC(max(near(), 1<<57)), "absurd")
			require.NoError(t, err)
			c.Table = table
		}
		now := monotonic.Instant(0)
		e := New(c)
		var epoch uint64
		var earliest int64
		base := near()
		for range 200 {
			now = now.Add(time.Duration(1 + r.Int64N(int64(4*time.Second))))
			e.Look(now, c.Discipline.Counter, "")
			i := r.IntN(n)
			at := base + int64(now)
			width := int64(1 + r.IntN(1000))
			if i < liars && r.IntN(5) == 0 {
				at, width = near(), []int64{0, int64(time.Second), math.MaxInt64}[r.IntN(3)]
			}
			reply := Reply{
				Facts: discipline.Facts{Upper: discipline.Point{At: now.Add(-time.Duration(r.IntN(1000))), Time: at + width}, Lower: discipline.Point{At: now, Time: at - width}},
				Say:   leap.Say(r.IntN(5)), TAIOffset: []time.Duration{0, 37 * time.Second, math.MaxInt64, math.MinInt64, 1}[r.IntN(5)],
			}
			_ = e.Finish(i, e.Begin(i, reply.Facts.Upper.At), reply, now)
			a := e.Answer(now, uint64(now), line.Nanoseconds)
			_ = e.Leap(now)
			for s := range n {
				if own := e.Discipline().Interval(s, now); own.Bounded() {
					_, _ = e.Shown(own)
				}
			}
			if a.Err != nil {
				continue
			}
			lo, hi, ok := a.Late(uint64(now))
			if !ok {
				continue
			}
			answers++
			require.LessOrEqual(t, lo, hi, "world %d", world)
			if a.Ahead.Covers(uint64(now)) {
				l, h := a.Ahead.At(uint64(now))
				require.Equal(t, [2]int64{lo, hi}, [2]int64{l, h}, "world %d", world)
			}
			if a.Epoch == epoch {
				require.GreaterOrEqual(t, lo, earliest, "world %d", world)
			}
			epoch, earliest = a.Epoch, lo
			if first, last, err := a.TAI(uint64(now)); err == nil {
				require.LessOrEqual(t, first, last)
			}
		}
	}
	require.Greater(t, answers, 5000)
	t.Logf("%d answers", answers)
}
