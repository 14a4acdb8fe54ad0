package hostclock

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// Why a segment cannot be used. The errors of [Open] wrap one of these, or fs.ErrNotExist if there is
// none, fs.ErrPermission if this process may not read it, or errors.ErrUnsupported on a system other
// than Linux. They name the path and say what to do.
var (
	// ErrForeign: the file is no segment, or is too short for one.
	ErrForeign = errors.New("not a segment")

	// ErrVersion: its layout is too new or too old for this program.
	ErrVersion = errors.New("another version")

	// ErrOwner: somebody could have written it whom there is no reason to trust.
	ErrOwner = errors.New("untrusted")

	// ErrOtherBoot: it is from before the machine was started last, or the daemon or this process is in a container
	// with a boot id of its own.
	ErrOtherBoot = errors.New("from another boot")

	// ErrCounter: its clock reads a counter that this process cannot read, or reads otherwise.
	ErrCounter = errors.New("another counter")
)

// ErrPublished: another publisher writes to the path.
var ErrPublished = errors.New("somebody else publishes there")

var (
	errNotMade     = fmt.Errorf("%w: it is nil, or was not made by Open", truetime.ErrClosed)
	errNoPublisher = fmt.Errorf("%w: the publisher is nil, or was not made by NewPublisher", truetime.ErrClosed)

	// errMoved is what the VMClock marker says before anybody else knows.
	errMoved = fmt.Errorf("%w: the hypervisor has disrupted the counter, as a migration does", truetime.ErrNotSynchronized)

	errWentBack = fmt.Errorf("%w: the counter went back", truetime.ErrNotSynchronized)
)
