package seccomp

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Install has the kernel refuse system calls in every thread of this process, for good, and in what
// it executes. The rules are a text such as "EPERM:adjtimex,ptrace;ENOSYS:from:450": with which error
// which calls fail, and all from a number on.
func Install(rules string) error {
	filter, err := compile(rules)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// All threads at once need the newer of the two calls (seccomp(2)).
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// compile makes the kernel's program of the rules.
func compile(rules string) ([]unix.SockFilter, error) {
	const (
		load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jump = unix.BPF_JMP | unix.BPF_K
		ret  = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{{Code: load, K: 0}} // seccomp_data.nr
	for rule := range strings.SplitSeq(rules, ";") {
		name, calls, _ := strings.Cut(rule, ":")
		errno, known := map[string]unix.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS}[name]
		if !known {
			return nil, fmt.Errorf("seccomp: unknown error %q", name)
		}
		for call := range strings.SplitSeq(calls, ",") {
			compare, number := uint16(unix.BPF_JEQ), callNumbers[call]
			if from, ok := strings.CutPrefix(call, "from:"); ok {
				n, err := strconv.ParseUint(from, 10, 32)
				if err != nil {
					return nil, fmt.Errorf("seccomp: %w", err)
				}
				compare, number = unix.BPF_JGE, uint32(n)
			} else if _, known := callNumbers[call]; !known {
				return nil, fmt.Errorf("seccomp: unknown system call %q", call)
			}
			filter = append(filter,
				unix.SockFilter{Code: jump | compare, K: number, Jf: 1},
				unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
		}
	}
	return append(filter, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}), nil
}
