package truetime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// What is published to other processes is what Now answers from, on a counter that they can read too.
func TestPublishedIsWhatNowAnswersFrom(t *testing.T) {
	counter, err := monotonic.Raw()
	require.NoError(t, err)
	c, err := New(asSources(fakes(1)), WithCounter(counter), WithPoll(time.Second, time.Second))
	require.NoError(t, err)
	defer c.Close()
	r, err := c.Published()
	require.NoError(t, err)
	require.False(t, r.Counter.Hardware)
	if r.Answers {
		lower, upper, ok := r.Shown.Late(r.Shown.From)
		require.True(t, ok && lower <= upper)
	}
	require.NoError(t, c.Close())
	_, err = c.Published()
	require.ErrorIs(t, err, ErrClosed)

	manual, err := New(asSources(fakes(1)), WithCounter(new(monotonic.Manual)))
	require.NoError(t, err)
	defer manual.Close()
	_, err = manual.Published()
	require.ErrorIs(t, err, ErrNotPublishable)
	_, err = (*Clock)(nil).Published()
	require.ErrorIs(t, err, ErrClosed)
}
