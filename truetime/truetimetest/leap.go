package truetimetest

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// Leap seconds of a world. What clocks of all kinds truly show around them is calculated here from their
// definitions, and not by the library.

// leapSecond is one of a world. It happens before the midnight at.
type leapSecond struct {
	at    truetime.Time // in stepped UTC
	delta int           // +1 if inserted, −1 if removed
}

// LeapSecond has a second inserted before a midnight, if seconds is 1, or removed, if it is −1. It panics
// unless the midnight ends a month of UTC, a day or more after the world's beginning, and after those of
// earlier calls.
func (w *World) LeapSecond(midnight time.Time, seconds int) {
	w.lock()
	defer w.mu.Unlock()
	at := truetime.FromStd(midnight)
	last := w.start
	if n := len(w.leaps); n > 0 {
		last = w.leaps[n-1].at
	}
	if seconds*seconds != 1 || at.Sub(last) < 24*time.Hour || !at.Std().Equal(time.Date(midnight.Year(), midnight.Month(), 1, 0, 0, 0, 0, time.UTC)) {
		panic(fmt.Sprintf("truetimetest: no leap second of %d s can be before %v", seconds, midnight))
	}
	w.leaps = append(w.leaps, leapSecond{at, seconds})
}

// moment is when a clock that had shown SI seconds since the world began would show t.
func (w *World) moment(t truetime.Time) instant { return after(t.Sub(w.start)) }

// shown is what a clock of a scale shows now, rounded down and up.
func (w *World) shown(s truetime.Scale) (floor, ceil truetime.Time) {
	if s == truetime.ScaleTAI {
		return w.plain(-int64(w.taiAtStart / time.Second))
	}
	const noon, smear = 12 * time.Hour, 24 * time.Hour // from the noon before it
	before := int64(0)                                 // seconds inserted so far
	for _, l := range w.leaps {
		next := before + int64(l.delta)
		if s == truetime.ScaleUTC {
			if w.now < w.moment(l.at)+instant(next)*after(time.Second) {
				break
			}
			before = next
			continue
		}
		begin := w.moment(l.at) - after(noon) + instant(before)*after(time.Second)
		length := after(smear) + instant(l.delta)*after(time.Second)
		if w.now < begin {
			break
		}
		if w.now < begin+length {
			// smear·(now−begin)/length from the beginning of the smear
			hi, lo := bits.Mul64(uint64(w.now-begin), uint64(smear))
			quotient, remainder := bits.Div64(hi, lo, uint64(length))
			floor = l.at.Add(-noon).Add(time.Duration(quotient))
			if remainder > 0 {
				return floor, floor + 1
			}
			return floor, floor
		}
		before = next
	}
	return w.plain(before)
}

// plain is the world's age less so many seconds, rounded down and up.
func (w *World) plain(seconds int64) (floor, ceil truetime.Time) {
	floor = w.start.Add(w.elapsed()).Add(-time.Duration(seconds) * time.Second)
	if w.now%nanosecond > 0 {
		return floor, floor + 1
	}
	return floor, floor
}

// taiOffset is TAI−UTC as it was so long ago, as somebody says who changes it late, or early if lag is negative.
func (w *World) taiOffset(lag time.Duration) time.Duration {
	offset := w.taiAtStart
	for _, l := range w.leaps {
		offset += time.Duration(l.delta) * time.Second
		if w.now-after(lag) < w.moment(l.at)+after(offset-w.taiAtStart) {
			return offset - time.Duration(l.delta)*time.Second
		}
	}
	return offset
}

// announced is what a server that is right announces now: for the day that ends.
func (s *Server) announced() truetime.Leap {
	w := s.world
	if s.scale == truetime.ScaleUTCSmeared {
		return truetime.LeapUnknown
	}
	utc, _ := w.shown(truetime.ScaleUTC)
	for _, l := range w.leaps {
		if left := l.at.Sub(utc); 0 < left && left <= 24*time.Hour-s.news {
			return truetime.LeapNone + truetime.Leap((3-l.delta)/2)
		}
	}
	return truetime.LeapNone
}

// table is what a machine knows that has a table valid until some moment: all leap seconds up to then.
func (w *World) table(until truetime.Time) *leap.Table {
	if until.IsZero() {
		until = w.start.Add(2 * lifetime)
	}
	builtIn := leap.BuiltIn()
	entries := builtIn.Entries()
	for len(entries) > 1 && entries[len(entries)-1].At > leap.UTC(until) {
		entries = entries[:len(entries)-1]
	}
	offset := entries[len(entries)-1].Offset
	for _, l := range w.leaps {
		offset += l.delta
		if l.at <= until {
			entries = append(entries, leap.Entry{At: leap.UTC(l.at), Offset: offset})
		}
	}
	table, err := leap.NewTable(entries, leap.UTC(until), "the world's")
	if err != nil {
		panic("truetimetest: " + err.Error())
	}
	return table
}
