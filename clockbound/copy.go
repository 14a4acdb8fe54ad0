package clockbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// How a segment is copied
//
// A daemon makes the generation odd, changes the segment, and makes the generation even again.
// ClockBound 2 does that without the barriers that it needs: on arm64 its changes may be seen before
// the odd generation, and a reader's loads may be made in another order than they are written. So
// the file is read twice, each time by one system call, and both copies have to be the same and of
// an even generation.
//
// That is enough whatever the order is in which one copy's bytes are taken. Let both have the even
// generation g. A byte of a later update, in the second copy and so in the first, was seen before
// the second copy took its generation, which would have been odd or later. A byte of an earlier
// update, in the first copy and so in the second, was seen after the first copy took g, by when
// all of g's update was there. A generation comes back after 2¹⁵ updates, of which each has another
// as_of.
//
// Nothing is mapped. Whoever truncates a file that others have mapped kills them by SIGBUS, as
// ClockBound's own daemon does to its clients.

// An update takes less than a microsecond. One that lasts longer has lost its processor, or its
// process has died. Together the attempts last for about a tenth of a second.
const (
	promptAttempts  = 64
	patientAttempts = 100
	patience        = time.Millisecond
)

// errUpdating: no consistent copy could be had.
var errUpdating = errors.New("its update does not end: its daemon has died in the middle of one, or writes without pause")

// copySegment returns a consistent copy of the segment in file, of which the header is right.
func copySegment(ctx context.Context, file io.ReaderAt) (segment, error) {
	for attempt := range promptAttempts + patientAttempts {
		if attempt >= promptAttempts {
			if err := pause(ctx, patience); err != nil {
				return segment{}, err
			}
		}
		first, err := copyOnce(file)
		if err != nil {
			return segment{}, err
		}
		if updating(first.generation()) {
			continue
		}
		second, err := copyOnce(file)
		if err != nil {
			return segment{}, err
		}
		if first == second {
			return first, nil
		}
	}
	return segment{}, errUpdating
}

func copyOnce(file io.ReaderAt) (s segment, err error) {
	n, err := file.ReadAt(s[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return segment{}, fmt.Errorf("read the segment: %w", err)
	}
	return s, s.identify(n)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
