package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopLimit is how long a daemon may take to obey SIGTERM before it gets SIGKILL. chronyd takes a
// few milliseconds; the rest is for a machine that is busy.
const stopLimit = 3 * time.Second

// process is one run of a daemon in the foreground.
//
// Its output goes to a file and not through a pipe, and nobody waits for it in the background:
// either would need a goroutine for as long as the daemon runs, which a caller's goleak would find.
type process struct {
	cmd        *exec.Cmd
	outputPath string
}

func startProcess(outputPath string, environment []string, path string, arguments ...string) (*process, error) {
	output, err := os.Create(outputPath)
	if err != nil {
		return nil, fmt.Errorf("create a file for the output of %s: %w", path, err)
	}
	defer output.Close() // the daemon has its own copy of the descriptor

	cmd := exec.Command(path, arguments...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), environment...)
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &process{cmd: cmd, outputPath: outputPath}, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process, by force once limit has passed, and reaps it.
func (p *process) stop(limit time.Duration) {
	// Neither signal can fail except because the process is gone already, which is what they are
	// for, and how a process ends after them is of no interest.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	defer force.Stop()
	_ = p.cmd.Wait()
}

// output returns what the process has written so far and the command that ran it, for a test's
// failure message.
func (p *process) output() string {
	command := strings.Join(p.cmd.Args, " ")
	text, err := os.ReadFile(p.outputPath)
	if err != nil {
		return fmt.Sprintf("%s\n(its output cannot be read: %v)", command, err)
	}
	return fmt.Sprintf("%s\n%s", command, text)
}
