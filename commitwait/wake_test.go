package commitwait

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

type still struct{}

func (still) Now() (truetime.Interval, error) { return truetime.Interval{Earliest: 1, Latest: 2}, nil }

// One that has been told to lead, and gives up before it has heard, must pass that on.
func TestLeaderThatGivesUpBeforeItLeadsIsReplaced(t *testing.T) {
	w, err := New(still{})
	require.NoError(t, err)
	defer w.Close()
	var waits [3]entry
	for i := range waits {
		waits[i] = entry{truetime.Time(0).Add(time.Duration(i+1) * time.Hour), &wait{done: make(chan error, 2)}}
		w.join(waits[i])
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.giveUp(ended, waits[0]), context.Canceled)
	require.Len(t, waits[1].done, 1)
	require.Equal(t, lead, <-waits[1].done)
	require.ErrorIs(t, w.giveUp(ended, waits[2]), context.Canceled)
	require.Equal(t, waits[1].wait, w.leader)
}
