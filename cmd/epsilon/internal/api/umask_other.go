//go:build !unix

package api

// letOthersUse does nothing: this system's sockets have no modes.
func letOthersUse() (restore func()) { return func() {} }
