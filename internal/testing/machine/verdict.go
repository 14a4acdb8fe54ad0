//go:build linux

package machine

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Verdict is what came of something that was done to a machine.
type Verdict struct {
	Answers  int // since it began
	Refusals int // of them

	Wrong      int           // answers whose interval misses the truth beyond doubt
	Worst      time.Duration // by how much the worst does
	WrongFor   time.Duration // from the end of what was done to the last wrong answer, by the host's clock
	WrongAfter int           // of the wrong ones, those given after the clock had noticed

	Reason                   string        // by which the clock noticed
	Noticed                  bool          // an epoch ended
	NoticedHost, NoticedSelf time.Duration // how long after the end, by the host's clock and by the guest's counter

	first   Answer   // asked after the end
	overdue []Answer // wrong ones at a time when a majority of the servers had contradicted the past
}

// majority is how many of a machine's three servers it takes to contradict the past.
const majority = 2

// judge says what came of what was done to a machine between two times of the host's. The first answer
// is the last one from before that; the others are all that nobody has judged yet, of which none may be wrong
// before anything was done.
func judge(before Answer, answers []Answer, began, ended truetime.Time) (v Verdict, err error) {
	for _, a := range answers {
		switch {
		case a.After >= began:
			v.add(a, before, ended)
		case a.Wrong() > 0:
			return v, fmt.Errorf("wrong before anything was done: %v", a)
		}
	}
	if v.first.Polls == nil {
		return v, fmt.Errorf("no answer after it ended, of %d", len(answers))
	}
	return v, nil
}

func (v *Verdict) add(a, before Answer, ended truetime.Time) {
	v.Answers++
	if v.first.Polls == nil && a.Before >= ended {
		v.first = a
	}
	if a.Refused != "" {
		v.Refusals++
	}
	if a.Epoch > before.Epoch && !v.Noticed {
		v.Noticed = true
		v.NoticedHost = a.After.Sub(ended)
		v.NoticedSelf = a.Counter - before.Counter
	}
	wrong := a.Wrong()
	if wrong == 0 {
		return
	}
	v.Wrong++
	v.Worst = max(v.Worst, wrong)
	v.WrongFor = a.After.Sub(ended)
	if a.Epoch > before.Epoch {
		v.WrongAfter++
	}
	if v.first.Polls != nil && heard(a, v.first, certainly) >= majority {
		v.overdue = append(v.overdue, a)
	}
}

// certainly is after how many ends of polls a clock has certainly taken in a sample that was asked
// for since: the first may have been under way, the second brings it, and when the third has
// ended the second has been dealt with.
const certainly = 3

// heard is how many servers have been asked at least n times since an earlier answer.
func heard(a, since Answer, n int) (servers int) {
	for i, polls := range a.Polls {
		if polls-since.Polls[i] >= n {
			servers++
		}
	}
	return servers
}

// String is the rest of a row of a table: noticed by what, after how long by the host's clock and by the
// guest's counter, how many answers were wrong, by how much at most, and for how long.
func (v Verdict) String() string {
	host, self := "-", "-"
	if v.Noticed {
		host, self = v.NoticedHost.Round(time.Millisecond).String(), v.NoticedSelf.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%s | %s | %s | %d of %d (%d refused) | %v | %v", v.Reason, host, self,
		v.Wrong, v.Answers, v.Refusals, v.Worst.Round(10*time.Microsecond), v.WrongFor.Round(time.Millisecond))
}
