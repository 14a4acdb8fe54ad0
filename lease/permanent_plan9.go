package lease

// unmendableCodes are none: this system has no locks that a FileStore could use.
var unmendableCodes []error

func isCode(error) bool { return false }
