package lease

import "golang.org/x/sys/windows"

// Windows has numbers of its own for what it refuses. Those of unmendableCodes are Go's, for what package os refuses.
func init() {
	unmendable = append(unmendable,
		windows.ERROR_WRITE_PROTECT,
		windows.ERROR_DIRECTORY, // a file where a directory should be
		windows.ERROR_BAD_PATHNAME,
		windows.ERROR_INVALID_NAME,
		windows.ERROR_FILENAME_EXCED_RANGE,
		windows.ERROR_CANT_RESOLVE_FILENAME, // a loop
		windows.ERROR_INVALID_FUNCTION,      // a file that cannot be synced or locked
		windows.ERROR_INVALID_PARAMETER,
		windows.ERROR_INVALID_DRIVE,
	)
}
