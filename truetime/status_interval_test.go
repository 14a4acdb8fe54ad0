package truetime

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Within one moment Status reports the interval that Now answers with, to the nanosecond, whatever is assumed:
// otherwise it could say that ε is below what Now has just refused for being above.
func TestStatusReportsWhatNowAnswers(t *testing.T) {
	for _, options := range [][]Option{{}, {WithMaxWander(100)}, {WithMaxWander(10), WithRateStability(20)}} {
		synctest.Test(t, func(t *testing.T) {
			c := start(t, asSources(fakes(4)), options...)
			pass(time.Minute)
			for range 100 {
				pass(123_456_789)
				i := requireTruth(t, c)
				s := c.Status()
				require.Equal(t, i, s.Interval)
				require.Equal(t, i.Uncertainty(), s.Uncertainty)
			}
		})
	}
}
