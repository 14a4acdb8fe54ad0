package hlc

// What no caller branches on, and tests do.
var (
	ErrInvalidInterval = errInvalidInterval
	ErrUnmade          = errUnmade
)
