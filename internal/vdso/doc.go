// Package vdso reads the kernel's clocks without a system call and without cgo, by calling the code
// that the kernel maps into every process (vdso(7)). It is for the clocks that Go does not read
// that way: CLOCK_MONOTONIC_RAW above all. On a machine that keeps time by kvm-clock a reading
// takes 27 ns so, and 1500 ns by a system call.
//
// # The stack
//
// The kernel's code is C. It runs on the stack of the goroutine that calls it, in the frame of a
// few lines of assembly, and uses what lies below its stack pointer. That is safe as long as the
// frame is large enough:
//
//   - The stack is not copied meanwhile. A stack moves only when its goroutine asks for more of it
//     or stands at a safe point, and neither happens in code that is not Go's.
//   - Preemption, profiling and other signals run on the signal stack of the thread. The runtime
//     finds that the interrupted instruction is not Go's: it does not preempt there
//     (runtime/preempt.go, isAsyncSafePoint), and a profile charges the sample to the vDSO
//     (runtime/proc.go, sigprof).
//   - On arm64 the runtime looks for the goroutine in a place of its own while the vDSO runs
//     (runtime/signal_unix.go, sigFetchG), which only the runtime can fill. There the vDSO is
//     called with all signals blocked, which costs two system calls, so it is called only where the
//     narrowness of a bracket is worth that: see [Clock.Uninterrupted].
//
// How deep the kernel's code goes differs from kernel to kernel. Some compilers make it probe the
// stack a page below (golang.org/issue/20427). So it is measured once, on a mapping of our own:
// [depth] sees which pages have been touched. Up to 256 bytes, where every kernel that we have seen
// stays (64 bytes on Linux 6.18), a frame of 512 bytes is used, which fits into what Go keeps free
// on every stack for functions that do not check for room: no stack becomes larger by it. Up to 5
// KiB it is a frame of 10 KiB, for which a goroutine's stack grows. Each has twice what was
// measured, for the paths that the measurement did not take. Deeper than that the vDSO is not
// called.
//
// # Order
//
// A reading is not older than anything that the program has seen: the kernel puts a fence before
// the read of the counter (x86: rdtsc_ordered in arch/x86/include/asm/tsc.h; arm64:
// arch/arm64/include/asm/vdso/gettimeofday.h).
package vdso
