package truetime

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlowEventFunctionDelaysNothingAndLosesCountably(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(2)
		sources[1].fail = errors.New("cable cut")
		release := make(chan struct{})
		var events []Event
		c := start(t, asSources(sources), WithEvents(func(e Event) {
			<-release
			events = append(events, e)
		}))
		pass(2 * time.Hour)
		close(release)
		pass(time.Minute)
		sources[1].change(func() { sources[1].fail = nil })
		pass(time.Minute)
		require.NoError(t, c.Close())

		dropped := 0
		for _, e := range events {
			dropped += e.Dropped
		}
		require.Greater(t, dropped, 100)
		require.Equal(t, "clock is closed (epoch 1)", events[len(events)-1].String())
		require.Contains(t, events[0].String(), "source b: cable cut")
	})
}
