package vdso

// Clock reads the kernel's clocks, through the vDSO where that can be done. It is made by
// [Open] and does not change. A nil Clock makes system calls.
type Clock struct {
	function uintptr // where clock_gettime is; 0 for the system call
	large    bool    // it needs the large frame

	// apart is where clock_gettime is if it may only be called while no signal can come.
	apart uintptr
	text  string
}

// String says which way is used.
func (c *Clock) String() string {
	if c == nil || c.text == "" {
		return "by system call"
	}
	return c.text
}
