package rate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// Of each slot the narrowest moment counts, unless one within half a window is narrower by more than a third: nothing was
// heard near it then.
func TestMomentsThatAreMuchWiderThanTheirNeighboursAreLeftOut(t *testing.T) {
	const second, narrow = int64(time.Second), 100_000
	for name, c := range map[string]struct {
		width int64
		slots int // from a narrow moment
		good  bool
	}{
		"alike":                     {narrow, 1, true},
		"half as wide again":        {narrow * 3 / 2, 1, true},
		"wider, beside it":          {narrow*3/2 + 1, 1, false},
		"wider, half a window away": {narrow*3/2 + 1, parts / 2, false},
		"wider, farther away":       {narrow*3/2 + 1, parts/2 + 1, true},
	} {
		for _, sign := range []int{1, -1} {
			at := func(slots int, width int64) moment {
				c := 1000*second + int64(slots)*second
				return moment{monotonic.Instant(c), c, c + width}
			}
			wide, other := at(20, c.width), at(20+sign*c.slots, narrow)
			s := stretch{at(0, 10*narrow)}
			if sign > 0 {
				s = append(s, wide, other)
			} else {
				s = append(s, other, wide)
			}
			require.Equal(t, c.good, s.best(time.Second)[20] != nil, "%s, %+d", name, sign*c.slots)
			require.NotNil(t, s.best(time.Second)[20+sign*c.slots], name)
		}
	}
	wide := stretch{{0, 0, 1}, {monotonic.Instant(second), second, second + parts*1000}}
	require.NotNil(t, wide.best(time.Second)[1], "1 ppm of a window is negligible")
	wide[1].latest++
	require.Nil(t, wide.best(time.Second)[1])
}

func TestWhatSeveralWindowsCoverCountsOnce(t *testing.T) {
	var c coverage
	for _, w := range [][2]monotonic.Instant{{-50, -40}, {-45, -30}, {-45, -35}, {-20, -10}} {
		c.add(w[0], w[1])
	}
	require.EqualValues(t, 30, c.total)
}
