//go:build !plan9

package lease

import "syscall"

// unmendableCodes have no name that all systems share.
var unmendableCodes = []error{
	syscall.EROFS,
	syscall.ENOTDIR,
	syscall.EISDIR,
	syscall.ELOOP,
	syscall.ENAMETOOLONG,
	syscall.EINVAL, // a file that cannot be synced or locked
	syscall.ENODEV,
	syscall.ENXIO,
	syscall.ENOLCK, // a network file system without its lock daemon
}
