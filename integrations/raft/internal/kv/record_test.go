package kv

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

// A record is the history of a world: what was asked, what was answered, and when.
type record struct {
	operations []porcupine.Operation
	unknown    []uint64          // ids of writes without an answer
	took       map[uint64]uint64 // the entry by which a write has taken effect
}

type input struct {
	key   string
	put   bool
	value string
}

type output struct {
	value   string // that is read, or was there before
	unknown bool
	by      string // who has answered, and how
}

// answered notes an operation with its answer.
func (r *record) answered(in input, value, by string, call, back time.Duration) {
	r.operations = append(r.operations, porcupine.Operation{
		ClientId: len(r.operations), Input: in, Output: output{value: value, by: by}, Call: int64(call), Return: int64(back),
	})
}

// lost notes a write whose answer has not come. It may take effect at any time after its call.
func (r *record) lost(id uint64, in input, call time.Duration) {
	r.unknown = append(r.unknown, id)
	r.operations = append(r.operations, porcupine.Operation{
		ClientId: len(r.operations), Input: in, Output: output{unknown: true}, Call: int64(call), Return: math.MaxInt64, Metadata: id,
	})
}

// applied notes that a write has taken effect.
func (r *record) applied(id, index uint64) {
	if r.took == nil {
		r.took = map[uint64]uint64{}
	}
	r.took[id] = index
}

// model is a map of registers, in which a write tells what was there before.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(input).key
			byKey[key] = append(byKey[key], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, in, out any) (bool, any) {
		i, o := in.(input), out.(output)
		if !o.unknown && o.value != state.(string) {
			return false, state
		}
		if i.put {
			return true, i.value
		}
		return true, state
	},
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		if i.put {
			return fmt.Sprintf("put %s=%s, was %v", i.key, i.value, o)
		}
		return fmt.Sprintf("get %s: %v", i.key, o)
	},
}

// check returns what porcupine says of the history. A write that nobody has ever applied has had no effect, and without an answer there is
// nothing to be said of it.
func (r *record) check() porcupine.CheckResult {
	history := slices.Clone(r.operations)
	history = slices.DeleteFunc(history, func(o porcupine.Operation) bool {
		id, lost := o.Metadata.(uint64)
		return lost && r.took[id] == 0
	})
	return porcupine.CheckOperationsTimeout(model, history, 20*time.Second)
}

// explain names two operations of which the later saw less than the earlier, for whoever has to find out why.
func (r *record) explain() string {
	entry := func(o porcupine.Operation) uint64 { // of the write that the operation did or saw
		value := o.Output.(output).value
		if in := o.Input.(input); in.put {
			value = in.value
		}
		id, _ := strconv.ParseUint(value, 10, 64)
		return r.took[id]
	}
	for i, earlier := range r.operations {
		if entry(earlier) == 0 {
			continue
		}
		for _, later := range r.operations[i+1:] {
			if earlier.Input.(input).key == later.Input.(input).key && earlier.Return < later.Call && entry(earlier) > entry(later) && !later.Output.(output).unknown {
				return fmt.Sprintf("entry %d was told, then entry %d:\n%+v\n%+v", entry(earlier), entry(later), earlier, later)
			}
		}
	}
	return "no two operations show it"
}
