package engine

import (
	"errors"
	"fmt"
)

// Why a clock has no answer. Package truetime exports these, and says what each means.
var (
	ErrNotSynchronized     = errors.New("truetime: not synchronized")
	ErrUncertaintyTooLarge = errors.New("truetime: uncertainty too large")
	ErrClockFaulty         = errors.New("truetime: local clock faulty")
	ErrTAIUnknown          = errors.New("truetime: TAI unknown: the leap second table has expired")
	ErrClosed              = errors.New("truetime: clock closed")
)

// refusal is why there is no answer in a state, or nil.
func (e *Engine) refusal(s State) error {
	switch s {
	case Synchronized, Holdover:
		return nil
	case ClockFaulty:
		if fault := e.discipline.CounterFault(); fault != "" {
			return fmt.Errorf("%w: %s", ErrClockFaulty, fault)
		}
		return ErrClockFaulty
	}
	return ErrNotSynchronized
}
