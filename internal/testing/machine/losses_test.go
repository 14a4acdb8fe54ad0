//go:build linux

package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsAllowedForMakesNoAnswerWrong(t *testing.T) {
	const ms = time.Millisecond
	l := losses{allowed: 100 * ms, epoch: 1}
	l.pause(60*ms, 1)
	require.NoError(t, l.judge(scripted(time.Second, 1, 0, 0)))
	require.ErrorContains(t, l.judge(scripted(time.Second, 1, 0, -5*ms)), "wrong, though no more than 60ms was lost and 100ms is allowed for")
	require.False(t, l.answered(60*ms, 1))
	require.False(t, l.exceeded())
	l.pause(60*ms, 1) // which is too much: nobody had noticed the first
	require.True(t, l.exceeded())
	require.NoError(t, l.judge(scripted(time.Second, 1, 0, -5*ms)))
}

func TestNoAnswerIsWrongByMoreThanWasLost(t *testing.T) {
	const ms = time.Millisecond
	l := losses{epoch: 1}
	l.pause(20*ms, 1)
	require.False(t, l.exceeded(), "nothing is allowed for")
	require.False(t, l.answered(20*ms, 1))
	l.pause(10*ms, 1)
	require.NoError(t, l.judge(scripted(time.Second, 1, 0, -31*ms)), "wrong by 30 ms")
	require.ErrorContains(t, l.judge(scripted(time.Second, 1, 0, -32*ms)), "wrong by more than the 30ms")
	require.ErrorContains(t, l.judge(scripted(time.Second, 2, 0, -5*ms)), "wrong after a majority")
}

func TestAnEpochForgetsWhatWasLostBefore(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		what            string
		straight, later uint64 // epochs
		noticed         bool
		lost            time.Duration
	}{
		{"it is not noticed", 1, 1, false, 30 * ms},
		{"it is noticed", 1, 2, true, 0},
		{"the epoch had ended when it was first asked for, before the pause or after", 2, 2, true, 20 * ms},
		{"and ended again", 2, 3, true, 0},
	} {
		l := losses{epoch: 1, lost: 10 * ms}
		l.pause(20*ms, c.straight)
		require.Equal(t, c.noticed, l.answered(20*ms, c.later), c.what)
		require.Equal(t, c.lost, l.lost, c.what)
	}
}
