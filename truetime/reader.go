package truetime

// Reader answers with intervals that contain true time. [Clock] is one, and so is everything else that packages
// commitwait, hlc and lease can stand on.
//
// Now returns an interval that contained true time at some instant between the call and the return, or an error,
// and then the interval means nothing. It is called by many goroutines at once, and by some of them
// again and again, so it should take nanoseconds. It must not call back into its caller.
type Reader interface {
	Now() (Interval, error)
}
