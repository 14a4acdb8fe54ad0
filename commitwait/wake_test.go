package commitwait

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

type still struct{}

func (still) Now() (truetime.Interval, error) { return truetime.Interval{Earliest: 1, Latest: 2}, nil }

// One that has been told to lead, and gives up before it has heard, must pass that on.
func TestLeaderThatGivesUpBeforeItLeadsIsReplaced(t *testing.T) {
	w, err := NewWaiter(still{})
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
	require.Equal(t, errLead, <-waits[1].done)
	require.ErrorIs(t, w.giveUp(ended, waits[2]), context.Canceled)
	require.Equal(t, waits[1].wait, w.leader)
}

// stepping is a clock that moves by a microsecond whenever it is read, so that every spin succeeds.
type stepping struct{ reads atomic.Int64 }

func (s *stepping) Now() (truetime.Interval, error) {
	now := truetime.Time(time.Hour).Add(time.Duration(s.reads.Add(1)) * time.Microsecond)
	return truetime.Interval{Earliest: now, Latest: now.Add(time.Millisecond)}, nil
}

// Those who wait closely behind one another need not end together: whoever leads goes when its own
// wait has ended, or it would stay for as long as others come.
func TestLeaderDoesNotSpinForOthersAfterItsOwnWait(t *testing.T) {
	clock := new(stepping)
	w, err := NewWaiter(clock, WithSpin(maxSpin))
	require.NoError(t, err)
	defer w.Close()
	mine := entry{truetime.Time(time.Hour).Add(100 * time.Microsecond), &wait{done: make(chan error, 2)}}
	w.join(mine)
	other := entry{mine.timestamp.Add(300 * time.Microsecond), &wait{done: make(chan error, 2)}}
	w.join(other)
	require.Equal(t, errLead, <-mine.done)
	require.NoError(t, w.serve(t.Context(), mine))
	require.Equal(t, errLead, <-other.done)
	require.Empty(t, other.done)
	require.NoError(t, w.serve(t.Context(), other))
}

// The same for one whose context ends, while others end their waits one closely behind the other.
func TestLeaderWhoseContextEndsDoesNotSpinForOthers(t *testing.T) {
	clock := new(stepping)
	w, err := NewWaiter(clock, WithSpin(maxSpin))
	require.NoError(t, err)
	defer w.Close()
	mine := entry{truetime.Time(2 * time.Hour), &wait{done: make(chan error, 2)}}
	w.join(mine)
	other := entry{truetime.Time(time.Hour).Add(300 * time.Microsecond), &wait{done: make(chan error, 2)}}
	w.join(other)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, errLead, <-mine.done)
	require.ErrorIs(t, w.serve(ended, mine), context.Canceled)
	require.Equal(t, errLead, <-other.done)
	require.Empty(t, other.done)
	require.NoError(t, w.serve(t.Context(), other))
}
