//go:build unix

package api

import "syscall"

// letOthersUse has sockets made with all rights for everybody, until restore is called. It changes the whole
// process, so it is for the start, when nothing else makes files.
func letOthersUse() (restore func()) {
	before := syscall.Umask(0)
	return func() { syscall.Umask(before) }
}
