// Package seccomp has the kernel refuse system calls to a test's process, as container runtimes and
// sandboxes do.
package seccomp
