package lease

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// unmendable is what no waiting mends in a file system: somebody has to change a right, a name, or
// what is mounted. What is not in it may pass: a disk that is full, descriptors that are used up.
var unmendable = append([]error{
	fs.ErrNotExist, // of a record it is no error; so the directory has gone
	fs.ErrPermission,
	fs.ErrClosed,
	errors.ErrUnsupported,
}, unmendableCodes...)

// orPermanent wraps ErrPermanent in an error of a file system that waiting does not mend.
func orPermanent(err error) error {
	is := func(known error) bool { return errors.Is(err, known) }
	if slices.ContainsFunc(unmendable, is) {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	return err
}
