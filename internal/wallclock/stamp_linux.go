package wallclock

import (
	"encoding/binary"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SoftwareStamp returns the software stamp among control messages, in nanoseconds, or 0. It is the
// first of three in a scm_timestamping (include/uapi/linux/errqueue.h).
func SoftwareStamp(control []byte) int64 {
	return timespec(FindControl(control, func(h unix.Cmsghdr) bool {
		return h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPING
	}))
}

// FindControl returns the data of the first control message that is wanted, or nil.
func FindControl(control []byte, wanted func(unix.Cmsghdr) bool) []byte {
	for len(control) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return nil
		}
		if wanted(h) {
			return data
		}
		control = rest
	}
	return nil
}

// timespec decodes two words of the processor's size: seconds and nanoseconds.
func timespec(b []byte) int64 {
	const word = int(unsafe.Sizeof(uintptr(0)))
	if len(b) < 2*word {
		return 0
	}
	if word == 8 {
		return int64(binary.NativeEndian.Uint64(b))*int64(time.Second) + int64(binary.NativeEndian.Uint64(b[8:]))
	}
	return int64(int32(binary.NativeEndian.Uint32(b)))*int64(time.Second) + int64(int32(binary.NativeEndian.Uint32(b[4:])))
}
