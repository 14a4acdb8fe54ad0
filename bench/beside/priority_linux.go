package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

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

// loadMax is what a machine's load may be that does nothing: the mean number of threads, over a minute, that run or want to.
const loadMax = 0.5

// notQuiet says what else the machine does, or nothing.
func notQuiet() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	if load, err := strconv.ParseFloat(first, 64); err != nil || load <= loadMax {
		return ""
	}
	return fmt.Sprintf("the machine's load is %s (/proc/loadavg)", first)
}
