// Package perclock lets a source serve several clocks.
//
// A [truetime.Source] may be given to more than one clock, to a second one after the first was closed, or twice to one
// clock by way of a wrapper with another name. Each clock asks from goroutines of its own and by a counter of its own.
// So whatever a source remembers from one poll to the next is guarded, as by a [Turn], and what it remembers of a counter
// is kept for each counter by itself, in a [Memory]: readings of two counters have nothing to do with each other.
package perclock

import (
	"reflect"
	"slices"

	"github.com/epsilontime/epsilon/monotonic"
)

// maxCounters is how many counters a source remembers something of. Of the one that was used the longest time ago it is
// forgotten, as if the source were new to it.
const maxCounters = 16

// Memory is what a source remembers of each counter that it was given. What it has for a new counter is the zero
// value of T. The zero Memory is ready for use, by one goroutine at a time.
type Memory[T any] struct {
	all []memory[T] // the one used last is the last
}

type memory[T any] struct {
	counter monotonic.Counter
	value   *T
}

// Of returns what is remembered of a counter, to be changed in place.
func (m *Memory[T]) Of(counter monotonic.Counter) *T {
	if !Comparable(counter) {
		return new(T) // it cannot be told from another one
	}
	found := memory[T]{counter, new(T)}
	if i := slices.IndexFunc(m.all, func(of memory[T]) bool { return of.counter == counter }); i >= 0 {
		found = m.all[i]
		m.all = slices.Delete(m.all, i, i+1)
	} else if len(m.all) == maxCounters {
		m.all = slices.Delete(m.all, 0, 1)
	}
	m.all = append(m.all, found)
	return found.value
}

// Comparable reports whether a counter can be told from another. Those that are equal are one counter.
func Comparable(c monotonic.Counter) bool { return c == nil || reflect.ValueOf(c).Comparable() }
