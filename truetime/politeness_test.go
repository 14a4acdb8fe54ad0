package truetime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// courteous is a source that notes when it is asked, and says how often it likes to be.
type courteous struct {
	Source
	wish   time.Duration
	silent bool
	asked  []time.Time
}

func (c *courteous) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	c.asked = append(c.asked, time.Now())
	if c.silent {
		return Sample{MinPoll: c.wish}, errors.New("no answer")
	}
	s, err := c.Source.Sample(ctx, counter)
	s.MinPoll = c.wish
	return s, err
}

// closest is the shortest time between two requests.
func (c *courteous) closest() time.Duration {
	least := time.Hour
	for i := 1; i < len(c.asked); i++ {
		least = min(least, c.asked[i].Sub(c.asked[i-1]))
	}
	return least
}

// NIST refuses service to whoever asks more often than every 4 s. Bursts, restarts after a disruption, a user's
// WithPoll and a server that is silent make no difference.
func TestServerThatWishesToBeAskedSeldomIsNotAskedMoreOftenThanEveryFourSeconds(t *testing.T) {
	for name, options := range map[string][]Option{
		"defaults":    {WithPoll(16*time.Second, 256*time.Second)},
		"every 10 ms": {WithPoll(10*time.Millisecond, time.Second)},
		"by a target": {WithTargetUncertainty(time.Microsecond)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sources []Source
				var all []*courteous
				for i, f := range fakes(4) {
					c := &courteous{Source: f, wish: 16 * time.Second, silent: i == 3}
					sources, all = append(sources, c), append(all, c)
				}
				c := start(t, sources, options...)
				pass(time.Minute)
				for range 3 {
					(&fakeMachine{disruption: errors.New("suspended")}).on(c)
					pass(30*time.Second + 100*time.Millisecond)
				}
				pass(10 * time.Minute)
				require.NoError(t, c.Close())
				for i, s := range all {
					require.GreaterOrEqual(t, s.closest(), 4*time.Second, "source %d", i)
					require.Greater(t, len(s.asked), 10)
				}
			})
		})
	}
}

// A server of one's own is asked as the user says.
func TestServerThatDoesNotMindIsAskedAsOftenAsTheUserSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sources []Source
		for _, f := range fakes(3) {
			sources = append(sources, &courteous{Source: f, wish: time.Second})
		}
		c := start(t, sources, WithPoll(10*time.Millisecond, time.Second))
		pass(10 * time.Second)
		require.NoError(t, c.Close())
		require.Greater(t, len(sources[0].(*courteous).asked), 500)
	})
}
