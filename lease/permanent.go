package lease

import (
	"errors"
	"io/fs"
	"slices"
)

// permanent reports whether an error of the store stays however long one waits, so that whoever waits for the lease
// is better told. What is not known to be of that kind may pass: a disk that is full, descriptors that are used
// up, a request that was not answered.
//
// A store of another package says so with ErrPermanent. What a file system cannot do is known here, but for
// one case: a file that is missing, or may not be opened, is also how a socket looks whose server is about to
// start again.
func permanent(err error) bool {
	if errors.Is(err, ErrPermanent) || errors.Is(err, ErrCorrupt) {
		return true
	}
	is := func(known error) bool { return errors.Is(err, known) }
	return !ofNetwork(err) && slices.ContainsFunc(unmendable, is)
}

// unmendable is what no waiting mends in a file system: somebody has to change a right, a name, or what is mounted.
var unmendable = append([]error{
	fs.ErrNotExist, // of a record it is no error; so the directory has gone
	fs.ErrPermission,
	fs.ErrClosed,
	errors.ErrUnsupported,
}, unmendableCodes...)

// ofNetwork reports whether there is a net.Error in the tree, by its methods: not everybody who needs a lease
// is to link package net. A bare code of the system has the same methods.
func ofNetwork(err error) bool {
	var e interface {
		error
		Timeout() bool
		Temporary() bool
	}
	if !errors.As(err, &e) {
		return false
	}
	return !isCode(e)
}
