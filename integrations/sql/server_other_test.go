//go:build !linux

package epsilonsql_test

import (
	"os"
	"os/exec"
)

// own has the process run as this one does: elsewhere the tests are not run by root.
func (s *server) own(cmd *exec.Cmd) { cmd.Dir = s.folder }

// kill is kill -9.
func (s *server) kill() { s.process.end(os.Kill) }
