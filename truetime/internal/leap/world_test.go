package leap

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// world is a month's end in virtual time, as a clock with a belief lives through it. What is true is
// known: what happens at u, and what each source shows is calculated from the definition, not by the
// code under test.
type world struct {
	t         *testing.T
	u         UTC // the end of the month
	delta     int // what truly happens then
	truth     []Entry
	belief    *Belief
	voters    []voter
	epsilon   int64 // the clock's answer is wider than that nowhere, and contains true TAI
	step      int64 // the longest time between two polls
	random    *rand.Rand
	mute      func(c TAI) bool   // nobody answers then
	learn     map[UTC]*Table     // which table comes when
	label     int64              // what the clock calls TAI is TAI plus this
	blind     bool               // the assumptions are broken: containment is not checked
	at        TAI                // true TAI
	earliest  Smeared            // the greatest so far in this epoch
	widest    map[string]Smeared // by phase
	least     int64              // to either side
	undecided int                // epochs that ended for it
	learnt    int                // epochs that ended for a table
	seen      map[Status]int
}

// voter is one source. A nil lie is an honest one.
type voter struct {
	scale Scale
	says  func(w *world) Say
	lie   func(w *world, truly int64) int64 // what it shows instead
}

func newWorld(t *testing.T, table *Table, u UTC, delta, faulty int, voters ...voter) *world {
	entries := table.Entries()
	last := entries[len(entries)-1]
	if delta != 0 && table.Expiry() < u {
		entries = append(entries, Entry{u, last.Offset + delta})
	}
	return &world{t: t, u: u, delta: delta, truth: entries, voters: voters, epsilon: 5e6, step: 1201 * second,
		belief: NewBelief(table, each(len(voters), faulty)), random: rand.New(rand.NewPCG(7, 11)),
		mute: func(TAI) bool { return false }, widest: map[string]Smeared{}, seen: map[Status]int{}}
}

// leap is the moment after which the new offset is in force.
func (w *world) leap() TAI {
	for _, e := range w.truth {
		if e.At == w.u {
			return TAI(int64(w.u) + int64(e.Offset)*second)
		}
	}
	return TAI(int64(w.u) + int64(w.truth[len(w.truth)-1].Offset)*second)
}

// shown is what an honest source shows, rounded either way.
func (w *world) shown(scale Scale) (int64, int64) {
	switch scale {
	case ScaleTAI:
		return int64(w.at), int64(w.at)
	case ScaleUTCSmeared:
		exact := exactSmear(w.truth, int64(w.at))
		return floor(exact), ceil(exact)
	}
	offset := w.truth[0].Offset
	for _, e := range w.truth { // steps when the inserted second ends
		if int64(w.at) >= int64(e.At)+int64(e.Offset)*second {
			offset = e.Offset
		}
	}
	x := int64(w.at) - int64(offset)*second
	return x, x
}

func (w *world) answer() (lo, hi TAI) {
	called := w.at + TAI(w.label)
	return called - TAI(w.least+w.random.Int64N(w.epsilon)), called + TAI(w.least+w.random.Int64N(w.epsilon))
}

// poll asks every voter once.
func (w *world) poll() {
	lo, hi := w.answer()
	for i, v := range w.voters {
		first, last := w.shown(v.scale)
		if v.lie != nil {
			first, last = v.lie(w, first), v.lie(w, last)
		}
		first, last = first-w.random.Int64N(1e6), last+w.random.Int64N(1e6)
		if v.says != nil {
			w.belief.Hear(i, v.says(w), lo, hi)
		}
		w.belief.Saw(i, v.scale, first, last, lo, hi)
		if _, found := w.belief.Misdeclared(v.scale, first, last, lo, hi); found && v.lie == nil && !w.blind {
			require.Fail(w.t, "an honest source looks misdeclared", "voter %d at %s", i, w.when())
		}
		begin, end, ok := w.belief.In(v.scale, first, last)
		if v.lie == nil && ok && !w.blind && v.scale != ScaleTAI {
			require.True(w.t, begin <= w.at+TAI(w.label) && w.at+TAI(w.label) <= end,
				"sample of voter %d at %s: %d not in [%d, %d]", i, w.when(), w.at, begin, end)
		}
		if v.scale == ScaleUTC && v.lie == nil && ok && w.mayStep() {
			require.False(w.t, abs(int64(w.at-w.leap())) < 3*second, "a stamp near a possible leap was used")
		}
	}
}

func (w *world) mayStep() bool {
	q := &w.belief.question
	return w.delta != 0 || q.at == w.u && !q.possible.decided()
}

func abs(x int64) int64 { return max(x, -x) }

func (w *world) when() string {
	return (&Table{timeline: timeline{base: int64(w.truth[0].Offset) * second}}).Format(w.at) + " (TAI−10 s)"
}

// check holds the output against the truth, and against the one before.
func (w *world) check(o *Output) {
	lo, hi := w.answer()
	earliest, latest, ok := o.Interval(lo, hi)
	require.True(w.t, ok, w.when())
	if w.blind {
		return
	}
	truth := exactSmear(w.truth, int64(w.at))
	require.True(w.t, rat(int64(earliest)).Cmp(truth) <= 0 && truth.Cmp(rat(int64(latest))) <= 0,
		"at %s: true %s not in [%d, %d]", w.when(), new(big.Rat).Set(truth).FloatString(1), earliest, latest)
	if o.From <= lo && hi <= o.Until {
		require.EqualValues(w.t, int64(lo)-o.Offset, earliest)
		require.EqualValues(w.t, int64(hi)-o.Offset, latest)
	}
}

// run lives from some hours before the leap to some hours after it. It returns the error that ended
// the epoch.
func (w *world) run(from, to int64) error {
	begin := w.leap() + TAI(from*3600*second)
	w.at = begin
	lo, hi := w.answer()
	if err := w.belief.Anchor(lo-TAI(2*second), lo, hi); err != nil {
		return err
	}
	return w.resume(to)
}

// end is how wide the output is by now without the answer's own width.
func (w *world) end() Smeared {
	o := w.belief.Output(w.at)
	earliest, latest, _ := o.Interval(w.at+TAI(w.label), w.at+TAI(w.label))
	return latest - earliest
}

// resume lives on.
func (w *world) resume(to int64) error {
	output := w.belief.Output(w.at + TAI(w.label-w.least-w.epsilon))
	for end := w.leap() + TAI(to*3600*second); w.at < end; {
		// Between publications Now goes on with the old output. The clock's own Earliest never goes
		// back, nor does this one: the answers drawn are made monotone as discipline's are.
		step := w.step
		if abs(int64(w.at-w.leap())) < 20*second {
			step = second
		}
		w.at += TAI(w.random.Int64N(step) + 1)
		if t, ok := w.learn[w.nominal()]; ok {
			delete(w.learn, w.nominal())
			if err := w.belief.Learn(t); errors.Is(err, ErrBroken) {
				w.learnt++
				if err := w.restart(); err != nil {
					return err
				}
				output = w.belief.Output(w.at + TAI(w.label-w.least-w.epsilon))
			} else if err != nil {
				return err
			}
		}
		w.monotone(&output)
		if !w.mute(w.at) {
			w.poll()
		}
		lo, hi := w.answer()
		if err := w.belief.Advance(lo, hi); errors.Is(err, ErrUndecided) {
			w.undecided++
			if err := w.restart(); err != nil {
				return err
			}
			lo, hi = w.answer()
		} else if err != nil {
			return err
		}
		before := w.belief.Report(lo, hi)
		w.seen[before.Status]++
		output = w.belief.Output(lo)
		w.monotone(&output)
	}
	return nil
}

// restart ends the epoch and begins another at once.
func (w *world) restart() error {
	w.belief.Restart()
	w.earliest = 0
	w.label = 0
	if w.at > w.leap() { // what TAI is called follows from what UTC is, and from what the belief knows
		p, _ := w.shown(ScaleUTC)
		w.label = w.belief.slow.offset(UTC(p)) - (int64(w.at) - p)
	}
	lo, hi := w.answer()
	return w.belief.Anchor(lo-TAI(2*second), lo, hi)
}

// nominal is true UTC in whole hours from the leap on, as the key of learn.
func (w *world) nominal() UTC { return UTC(int64(w.at-w.leap()) / (3600 * second)) }

// monotone asks at the same moment with the lower bound risen only by time, and keeps the greatest
// Earliest of exact answers: it must not go back.
func (w *world) monotone(o *Output) {
	w.check(o)
	called := w.at + TAI(w.label)
	earliest, latest, _ := o.Interval(called, called)
	require.GreaterOrEqual(w.t, earliest, w.earliest, "Earliest went back at %s", w.when())
	w.earliest = earliest
	w.widest[w.phase()] = max(w.widest[w.phase()], latest-earliest)
}

func (w *world) phase() string {
	switch after := int64(w.at - w.leap()); {
	case after <= -halfDay:
		return "before noon"
	case after <= -halfDay+5000*second:
		return "at noon"
	case after <= 0:
		return "before the leap"
	case after <= 1300*second:
		return "at the leap"
	case after <= halfDay:
		return "after the leap"
	}
	return "after the next noon"
}

// each is n sources with a vote of their own, of which so many may be wrong.
func each(n, faulty int) Voters {
	return Voters{Sources: n, Voters: n, Faulty: faulty, Count: func(such func(int) bool) (count int) {
		for i := range n {
			if such(i) {
				count++
			}
		}
		return count
	}}
}

// decision is what is decided of a month.
type decision struct {
	at    UTC
	delta int
}
