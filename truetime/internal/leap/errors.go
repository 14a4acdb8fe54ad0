package leap

import "errors"

var (
	// ErrTable: a leap second table is damaged, or says what cannot be.
	ErrTable = errors.New("leap second table")

	// ErrConflict: two tables disagree about a time that both are valid for.
	ErrConflict = errors.New("leap second tables disagree")

	// ErrBroken: the epoch has to end, because what was believed about a leap second cannot have been
	// true and answers may have been wrong, or because too much about leap seconds is undecided.
	ErrBroken = errors.New("leap seconds cannot be believed in this epoch any more")

	// ErrUndecided: the smear of a possible leap second is over, voters answer, and the answer is too
	// wide to tell what has happened. In an epoch that begins now it makes no difference.
	ErrUndecided = errors.New("whether there was a leap second cannot be told: begin a new epoch, for which it does not matter")

	// ErrStraddles: an epoch began before a possible leap second and had its first answer after it.
	ErrStraddles = errors.New("the epoch had no answer yet when a leap second was possible: begin it anew")
)
