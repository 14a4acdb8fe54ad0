package engine

import (
	"math"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// # Turns
//
// An end of the answer is where the best facts of f+1 voters meet: f of them may be wrong. So what an answer has aged is the age
// of the (f+1)-th youngest fact, where facts are equally narrow when they are new. If all n sources are asked at the same moment that is half an
// interval between polls on average, and (f+1)/(n+1) of one if each is asked at a moment of its own. It is least if f+1 are asked at the
// same moment and the next f+1 when those answers have become as old as they may: then it is half an interval divided by
// ⌊n/(f+1)⌋, as for four sources, of which one may be wrong, a quarter. No source is asked sooner for it.
//
// So the voters that answer take turns, ⌊n/(f+1)⌋ of them, spread over the interval. The first of these
// voters sets the pace, with the jitter that its waits have anyway. The others of its turn are asked when it is, and those of another
// turn a part of the interval later. Where two turns would be one too many, as with three sources, all are asked at the same moment,
// which is no worse for the width than any other moments, and wakes an idle process once and not three times. To wake it costs
// the runtime and the kernel some 0.3 ms of processor time, several times what an exchange costs.
//
// A source moves to its place within the jitter of its waits: in some ten polls it is there.
//
// # Who counts
//
// Only those take turns whose facts may be among the best f+1. With two servers nearby and two far away an end is always where the
// two nearby meet, and they have to be asked at the same moment: apart from each other, as the older one counts, it would be three quarters
// of an interval old. One that is asked more often than those who take turns is younger than they are, and they need one less to meet it. Whoever
// takes no turn is asked with whomever it happens to meet.
//
// When somebody is asked depends on nothing that the discipline concludes. A voter that is known to be wrong takes its turn like the
// others: of four the three that are right have then to agree, and the youngest of them is a quarter of an interval old.

// takeTurn returns when source i is due after a wait.
func (e *Engine) takeTurn(i int, wait time.Duration, now monotonic.Instant) monotonic.Instant {
	s := &e.sources[i]
	least, most := s.schedule.Window()
	r := e.rota(s.schedule.Interval())
	takes := r.takes(i) && least == r.interval // in a burst they go together, as answers are wanted soon
	for j := range e.sources {
		other := &e.sources[j]
		if left := other.due.Sub(now); j == i || other.denied || left < least || left > most {
			continue
		}
		if !takes || r.takes(j) && r.turn[j] == r.turn[i] {
			return other.due
		}
	}
	if !takes {
		return now.Add(wait)
	}
	pace, turn := e.sources[r.pacemaker].due, r.turn[i]
	if pace <= now && turn == 0 { // it is this one, or is being asked, and will wait as long as this one
		return now.Add(wait)
	}
	period := (least + most) / 2
	early := pace.Add(period*time.Duration(turn)/time.Duration(r.turns)).Sub(now.Add(least)) % period
	switch { // the shorter way
	case early > period/2:
		early -= period
	case early < -period/2:
		early += period
	}
	return now.Add(least + min(max(early, 0), most-least))
}

// rota is the turns of those who are asked at an interval.
type rota struct {
	interval  time.Duration
	pacemaker int // the first source; −1 if there is none
	turns     int
	turn      []int // of each source; −1 if it takes none
}

func (r *rota) takes(i int) bool { return r.turn[i] >= 0 }

func (e *Engine) rota(interval time.Duration) rota {
	d := e.discipline
	r := rota{interval: interval, pacemaker: -1, turn: slices.Repeat([]int{-1}, len(e.sources))}
	widest := e.widestThatCounts(interval)
	counts := func(i int) bool { return e.width(i) <= widest }
	here := func(i int) bool { return counts(i) && e.sources[i].schedule.Interval() == interval }
	oftener := d.Count(func(i int) bool { return counts(i) && e.sources[i].schedule.Interval() < interval })
	voters, needed := d.Count(here), e.faulty+1-oftener
	if voters < 2 || needed < 1 {
		return r
	}
	r.turns = max(voters/needed, 1)
	first := make([]int, d.Voters()) // the turn of each voter, and 1
	ranked := 0
	for i := range e.sources {
		if !here(i) {
			continue
		}
		if r.pacemaker < 0 {
			r.pacemaker = i
		}
		turn := &first[d.VoterOf(i)]
		if *turn == 0 {
			*turn = 1 + ranked%r.turns
			ranked++
		}
		r.turn[i] = *turn - 1
	}
	return r
}

// width is how wide the facts of a source are when they are new, but for what it claims, which is not part of an engine that is written down and
// read back; the greatest number for one of which none count.
func (e *Engine) width(i int) time.Duration {
	s := &e.sources[i]
	if !e.discipline.Votes(i) || !s.answersLately() {
		return math.MaxInt64
	}
	return s.schedule.RoundTrip()
}

// agedPerInterval is by how much facts are wider a quarter of an interval later, by the drift that is assumed unless the user says otherwise. Those who
// are wider than others by more are of no use half an interval after them: it is better to ask those at the same moment.
const agedPerInterval = 2 * DefaultDriftPPM * 1e-6 / 4

// widestThatCounts is how wide facts may be to be among the best f+1 at times. Twice the width is no other width: round trips are not
// the same each time.
func (e *Engine) widestThatCounts(interval time.Duration) time.Duration {
	widths := slices.Repeat([]time.Duration{math.MaxInt64}, e.discipline.Voters()) // that of a voter is that of its narrowest source
	for i := range e.sources {
		if w := e.width(i); w < math.MaxInt64 {
			v := e.discipline.VoterOf(i)
			widths[v] = min(widths[v], w)
		}
	}
	widths = slices.DeleteFunc(widths, func(w time.Duration) bool { return w == math.MaxInt64 })
	if len(widths) <= e.faulty {
		return -1
	}
	slices.Sort(widths)
	return 2*widths[e.faulty] + time.Duration(agedPerInterval*float64(interval))
}
