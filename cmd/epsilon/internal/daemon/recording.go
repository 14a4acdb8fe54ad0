package daemon

import (
	"context"
	"io"
)

// recordings lets one be written at a time: it may be 64 MB.
type recordings chan struct{}

func newRecordings() recordings { return make(recordings, 1) }

// WriteRecording writes the last minutes of the clock in use, as "epsilon replay" reads them.
func (d *Daemon) WriteRecording(ctx context.Context, w io.Writer) error {
	select {
	case d.recordings <- struct{}{}:
		defer func() { <-d.recordings }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := d.current.Load().flight.WriteTo(w)
	return err
}
