package lease

import (
	"fmt"
	"sync/atomic"
)

// Fence keeps the holders of the past away from a resource. It stands at the resource, not at the
// holder: a holder may be paused between its last look at the clock and its write for any length of
// time, and only the resource can see that a successor has been there meanwhile.
//
// Admit and the write that it admits must be one step: under one mutex, or, where the resource is a
// database, in the same transaction that writes. That needs no Fence but the function [Admit], or
// the same comparison in SQL:
//
//	UPDATE account SET balance = $1, token = $2 WHERE id = $3 AND token <= $2
//
// A resource that outlives the process stores Highest with its data and
// passes it to NewFence when it starts. The zero value has seen no token.
type Fence struct {
	highest atomic.Uint64
}

// NewFence returns a fence that has seen highest already.
func NewFence(highest Token) *Fence {
	f := new(Fence)
	f.highest.Store(uint64(highest))
	return f
}

// Admit returns nil if no higher token has been seen, and remembers token. Otherwise the error
// wraps ErrStaleToken and nothing has changed; it does so for the zero token always.
//
// It is atomic. It allocates nothing, unless it refuses.
func (f *Fence) Admit(token Token) error {
	for {
		highest := f.highest.Load()
		if err := Admit(Token(highest), token); err != nil {
			return err
		}
		if uint64(token) == highest || f.highest.CompareAndSwap(highest, uint64(token)) {
			return nil
		}
	}
}

// Highest returns the highest token seen, or zero.
func (f *Fence) Highest() Token { return Token(f.highest.Load()) }

// Admit is [Fence.Admit] for those who keep the highest token themselves, such as in a transaction:
// nil if it is not above token, and then the highest token is token, to be stored in the same
// transaction as what was to be written. Otherwise the error wraps ErrStaleToken and nothing may be
// written; it does so for the zero token always. highest is zero where none has been seen.
func Admit(highest, token Token) error {
	switch {
	case token == 0:
		return fmt.Errorf("%w: it is zero, so no token was sent with the write", ErrStaleToken)
	case token < highest:
		return fmt.Errorf("%w; %d after %d: another has acquired the lease since", ErrStaleToken, token, highest)
	}
	return nil
}
