package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"
)

// command is what the test bed's daemons take for the test that they run in. It ends as a test does: at the first
// thing that is fatal, and everything that was started is stopped.
type command struct {
	testing.TB // nil: what the test bed calls of it is below
	ctx        context.Context
	self       string // this program
	cleanups   []func()
	errs       []error
}

var errInterrupted = errors.New("interrupted")

// run has do done, and everything stopped that it started, and returns what went wrong.
func run(ctx context.Context, do func(*command)) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := &command{ctx: ctx, self: self}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, cleanup := range slices.Backward(c.cleanups) {
				cleanup()
			}
		}()
		do(c)
	}()
	<-done
	if ctx.Err() != nil {
		return errInterrupted // which the daemons are too, by a terminal: that they died is no news
	}
	return errors.Join(c.errs...)
}

// itself returns a command that is this program with that argument. It ends with its standard input.
func (c *command) itself(argument string) *exec.Cmd {
	cmd := exec.Command(c.self, argument)
	cmd.Stderr = os.Stderr
	return cmd
}

// sleep waits, and ends everything if the user does.
func (c *command) sleep(d time.Duration) {
	select {
	case <-c.ctx.Done():
		c.Fatalf("%w", errInterrupted)
	case <-time.After(d):
	}
}

func (c *command) Helper() {}

func (c *command) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *command) Errorf(format string, values ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, values...))
}

func (c *command) Fatalf(format string, values ...any) {
	c.Errorf(format, values...)
	runtime.Goexit()
}

// Skipf is called where a daemon is not installed.
func (c *command) Skipf(format string, values ...any) { c.Fatalf(format, values...) }

func (c *command) TempDir() string {
	directory, err := os.MkdirTemp("", "beside-")
	if err != nil {
		c.Fatalf("%v", err)
	}
	c.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}
