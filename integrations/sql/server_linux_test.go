package epsilonsql_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// own has the process run as the server's user if this one is root's, and die with this one.
func (s *server) own(cmd *exec.Cmd) {
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		uid, gid, _ := ids(s.user) // makeFolder has looked it up
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
}

// kill is kill -9 of all of the server: the machine has lost its power, except that what the kernel was told to write is
// there. The processes that PostgreSQL has for its connections would go on for a while without it.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.process.Signal(syscall.SIGSTOP) // it makes no more of them
	waitUntil(func() bool {
		state, _ := processState(s.process.Pid)
		return state != "R" && state != "S" && state != "D"
	})
	children := childrenOf(s.process.Pid)
	for _, child := range children {
		if p, err := os.FindProcess(child); err == nil {
			_ = p.Kill()
		}
	}
	s.process.end(syscall.SIGKILL)
	for _, child := range children {
		waitUntil(func() bool { state, _ := processState(child); return state == "" || state == "Z" })
	}
}

// waitUntil waits for what the kernel does in milliseconds.
func waitUntil(condition func() bool) {
	for deadline := time.Now().Add(time.Minute); !condition() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// childrenOf returns the processes that a process has made.
func childrenOf(pid int) (all []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if child, err := strconv.Atoi(e.Name()); err == nil {
			if _, parent := processState(child); parent == pid {
				all = append(all, child)
			}
		}
	}
	return all
}

// processState returns the letter of a process's state and its parent, as in proc(5); "" if there is no such process.
func processState(pid int) (state string, parent int) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, _ = fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &parent) // before it is a name
	return state, parent
}
