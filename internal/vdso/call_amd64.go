package vdso

// function is the name that the kernel gives to clock_gettime.
const function = "__vdso_clock_gettime"

// interruptible says that signals may come while the vDSO runs.
const interruptible = true
