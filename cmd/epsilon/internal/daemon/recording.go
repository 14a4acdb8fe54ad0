package daemon

import "io"

// WriteRecording writes the last minutes of the clock in use, as "epsilon replay" reads them.
func (d *Daemon) WriteRecording(w io.Writer) error {
	_, err := d.current.Load().flight.WriteTo(w)
	return err
}
