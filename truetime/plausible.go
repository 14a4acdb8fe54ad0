package truetime

//go:generate go run ./internal/builddate

// WithPlausibleSince sets the earliest time that is believed of any source. The default is the month in which this
// library was released, before which it cannot run.
//
// A source that serves an earlier one is not used, and its error says so, however many others agree: a GPS receiver whose week
// number has rolled over is 19.6 years behind, and a machine whose battery is empty begins in 1970 or at the date of its firmware.
// Give a later one that is known for certain, such as the date of your own release, and less is believed; an earlier one
// is for tests and simulations that play in the past.
//
// There is no such limit to the future. Nothing that a program knows proves that it has not been running
// for so long.
func WithPlausibleSince(t Time) Option {
	return func(c *config) {
		if t.IsZero() {
			c.mistake("WithPlausibleSince is given the zero Time, which is no time: leave it out for the default")
			return
		}
		c.choices.PlausibleSince = int64(t)
	}
}
