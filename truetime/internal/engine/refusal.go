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
	ErrNoTAI               = errors.New("truetime: TAI unknown: the leap second table has expired")
	ErrClosed              = errors.New("truetime: clock closed")
)

// What kind of failure an exchange was. Package truetime exports these too.
var (
	ErrUnusable = errors.New("unusable answer")
	ErrSlowDown = errors.New("asked to slow down")
	ErrDenied   = errors.New("denied service")
)

// refusal is why there is no answer in a state, or nil.
func (e *Engine) refusal(s State) error {
	switch s {
	case Synchronized, Holdover:
		return nil
	case Faulty:
		if fault := e.discipline.CounterFault(); fault != "" {
			return fmt.Errorf("%w: %s", ErrClockFaulty, fault)
		}
		return ErrClockFaulty
	}
	return ErrNotSynchronized
}

// OutcomeOf is the outcome of an exchange that has ended with an error, perhaps because its time was over.
func OutcomeOf(err error, timedOut bool) Outcome {
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, ErrDenied):
		return Denied
	case errors.Is(err, ErrSlowDown):
		return SlowDown
	case timedOut:
		return TimedOut
	case errors.Is(err, ErrUnusable):
		return Unusable
	}
	return Failed
}
