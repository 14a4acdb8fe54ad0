//go:build linux

package machine

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// Many pauses of one machine, the next as soon as the last is answered for.

// A clock that was told to allow for such pauses is never wrong.
func TestPausesThatAreAllowedForMakeNoAnswerWrong(t *testing.T) {
	s := begin(t, Config{Arguments: []string{"-poll", pausedPoll.String()}})
	for _, kind := range kindsOfPause(s) {
		(&row{trial: s, kind: kind, losses: losses{allowed: kind.longest}}).run()
	}
}

// One that was not is wrong by no more than it has lost.
func TestPausesInARowAreWrongByNoMoreThanTheyLast(t *testing.T) {
	s := begin(t, Config{Arguments: []string{"-poll", pausedPoll.String()}})
	for _, kind := range kindsOfPause(s) {
		(&row{trial: s, kind: kind}).run()
	}
}

// pausedPoll is how often servers are asked here: what a pause does is over after two polls or three.
const pausedPoll = 100 * time.Millisecond

// kindOfPause is something during which all counters of a machine stand still together.
type kindOfPause struct {
	what    string
	longest time.Duration // with all that qemu takes
	count   int
	do      func(length time.Duration)
}

// kindsOfPause are most pauses of the cheapest kind, and before them some of each other if there are many or it may take long.
func kindsOfPause(s *trial) (kinds []kindOfPause) {
	few := *pauses / 100
	if *long {
		few = max(few, 1)
	}
	if few > 0 {
		kinds = []kindOfPause{
			{"put back to a snapshot", 20 * time.Second, few, s.rewindAfter},
			{"moved to another qemu", time.Minute, few, func(length time.Duration) { time.Sleep(length); s.move("") }},
			{"saved, ended and restored", time.Minute, few, s.restoreAfter},
		}
	}
	return append(kinds, kindOfPause{"stop and cont", time.Second, max(*pauses-3*few, 1), s.stopFor})
}

// row is pauses of one kind, of a machine whose clock allows for those of up to a length in all, or for none.
type row struct {
	*trial
	kind kindOfPause
	losses

	counted, noticed         int           // of the pauses
	longest, unnoticed, sum  time.Duration // the longest pause, the longest that nobody noticed, and all together
	answers, refusals, wrong int
	worst                    time.Duration
}

// run has all the pauses of a row, and prints what came of them.
func (r *row) run() {
	r.Helper()
	started := time.Now()
	r.renew()
	for i := 0; r.counted < r.kind.count && i < 4*r.kind.count; i++ {
		// As many from 1 to 10 ms as from 10 to 100.
		shortest, longest := float64(time.Millisecond), 0.8*float64(r.kind.longest)
		length := time.Duration(shortest * math.Pow(longest/shortest, r.random.Float64()))
		if r.lost+length > time.Duration(longest) {
			r.renew()
		}
		r.pause(i, length)
		if r.counted%50 == 0 {
			r.Logf("%d of %d after %v: %d noticed, %d of %d answers wrong, by up to %v", r.counted, r.kind.count,
				time.Since(started).Round(time.Second), r.noticed, r.wrong, r.answers, r.worst)
		}
	}
	require.NotZero(r, r.counted, "each pause took longer than is allowed for: this host is too busy to tell anything")
	allowed := "nothing"
	if r.allowed > 0 {
		allowed = r.allowed.String()
	}
	r.Logf("row: %d times %s, and %s is allowed for | %v in all, %v at most | %d noticed, and none over %v was not | - | - | %d of %d (%d refused) | %v | - (after %v)",
		r.counted, r.kind.what, allowed, r.sum.Round(time.Millisecond), r.longest.Round(time.Millisecond), r.noticed, r.unnoticed.Round(time.Millisecond),
		r.wrong, r.answers, r.refusals, r.worst.Round(10*time.Microsecond), time.Since(started).Round(time.Second))
}

// pause pauses the machine for so long, waits until what it has lost is answered for, and judges all answers since the last time.
func (r *row) pause(number int, length time.Duration) {
	r.Helper()
	time.Sleep(time.Duration(r.random.Int64N(int64(pausedPoll)))) // when is part of what is tried
	began := truetime.Time(testbed.Realtime())
	r.kind.do(length)
	ended := truetime.Time(testbed.Realtime())
	took := ended.Sub(began)
	epoch := r.machine.Epoch()
	r.losses.pause(took, epoch)
	r.await(ended, epoch, certainly)
	epoch = r.machine.Epoch()
	r.requireSteadyHost()
	r.judge(fmt.Sprintf("pause %d, %s for %v", number, r.kind.what, took))

	r.longest, r.sum = max(r.longest, took), r.sum+took
	exceeded := r.exceeded()
	if !exceeded {
		r.counted++
	}
	noticed := r.answered(took, epoch)
	if noticed {
		r.noticed++
	} else {
		r.unnoticed = max(r.unnoticed, took)
	}
	if exceeded || noticed && r.allowed == 0 { // a clock trusts no counter that contradicts its servers again and again
		r.renew()
	}
}

// judge compares all new answers with the truth.
func (r *row) judge(what string) {
	r.Helper()
	for _, a := range r.watcher.AnswersFrom(r.judged) {
		r.judged++
		r.answers++
		if a.Refused != "" {
			r.refusals++
		}
		if wrong := a.Wrong(); wrong > 0 && !r.exceeded() {
			r.wrong++
			r.worst = max(r.worst, wrong)
		}
		require.NoError(r, r.losses.judge(a), "seed %d, %s", *seed, what)
	}
}

// renew gives the machine a new clock, which knows nothing from before.
func (r *row) renew() {
	r.Helper()
	r.machine.Do("restart " + r.allowed.String())
	restarted := truetime.Time(testbed.Realtime())
	r.await(restarted, 0, 0)
	r.judge("before the clock is renewed")
	epoch := r.machine.Epoch()
	r.losses = losses{allowed: r.allowed, epoch: epoch, began: epoch}
}

// await waits for an interval that was given in a later epoch, or after so many more polls of each server.
func (r *row) await(since truetime.Time, epoch uint64, polls int) {
	r.Helper()
	var first Answer
	r.watcher.Until(r.T, settleLimit, fmt.Sprintf("%d polls of each server, or an epoch after %d, and an interval", polls, epoch), func(a Answer) bool {
		if a.Before < since {
			return false
		}
		if first.Polls == nil {
			first = a
		}
		return a.Refused == "" && (a.Epoch > epoch || heard(a, first, polls) == len(a.Polls))
	})
}

// rewindAfter puts the machine back to a snapshot, so long after that was taken.
func (s *trial) rewindAfter(length time.Duration) {
	s.machine.Snapshot()
	time.Sleep(length)
	s.machine.Rewind()
}
