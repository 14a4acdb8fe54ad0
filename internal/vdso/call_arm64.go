package vdso

// function is the name that the kernel gives to clock_gettime.
const function = "__kernel_clock_gettime"

// interruptible is false: see the package comment.
const interruptible = false
