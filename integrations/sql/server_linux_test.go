package epsilonsql_test

import (
	"os"
	"os/exec"
	"syscall"
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
