package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// realtimePriority is low among real-time priorities, and above all that are none (sched(7), SCHED_FIFO).
const realtimePriority = 10

// prefer gives all threads of a process a real-time priority, which threads that they start inherit. All, because one that holds what
// another waits for would else wait for its own turn. It takes root or CAP_SYS_NICE.
func prefer(pid int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return fmt.Errorf("no real-time priority: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetAttr(id, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: realtimePriority}, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("no real-time priority: %w", err)
		}
	}
	return nil
}
