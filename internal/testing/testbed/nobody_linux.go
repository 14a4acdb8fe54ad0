package testbed

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// AsNobody runs a function as a user without any right, and the rest of the process as before. What
// the function starts in other goroutines is not meant.
func AsNobody(t testing.TB, run func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		SkipOrFail(t, "only root can become somebody else")
	}
	// A user is one of a thread to the kernel, and with the effective user go the effective
	// capabilities (capabilities(7)). The saved user remains root, to return to.
	runtime.LockOSThread()
	become := func(user uintptr) {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), user, ^uintptr(0)); errno != 0 {
			t.Fatalf("testbed: become user %d: %v", user, errno) // the thread ends with its goroutine
		}
	}
	become(nobody)
	run()
	become(0)
	runtime.UnlockOSThread()
}
