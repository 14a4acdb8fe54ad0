package testbed

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:embed fbclock_program.txt
var fbclockProgram string

// FBClock is fbclock's own C code (github.com/facebook/time/fbclock), writing to its shared memory from another process
// as its daemon does, but 1000 times a second: the device is CLOCK_REALTIME, counting TAI, and its error bound 1 µs.
type FBClock struct {
	t       testing.TB
	program string
	path    string
	run     *process // nil while stopped
}

// StartFBClock compiles that code, for amd64 or arm64, and starts writing.
func StartFBClock(t testing.TB) *FBClock {
	t.Helper()
	RequireBinary(t, "cc", "go")
	directory := t.TempDir()
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/facebook/time").Output()
	source := filepath.Join(strings.TrimSpace(string(output)), "fbclock")
	if err != nil || source == "fbclock" {
		t.Fatalf("testbed: the module github.com/facebook/time cannot be found: %v", err)
	}
	f := &FBClock{t: t, program: filepath.Join(directory, "fbclock"), path: filepath.Join(directory, "data_v2")}
	text := filepath.Join(directory, "program.c")
	if err := os.WriteFile(text, []byte(fbclockProgram), 0o600); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	crc := map[string]string{"amd64": "-msse4.2", "arm64": "-march=armv8-a+crc"}[runtime.GOARCH] // version 1 has one
	cc := exec.Command("cc", "-O1", "-w", crc, "-I", source, "-o", f.program, text, filepath.Join(source, "fbclock.c"))
	if output, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("testbed: %v: %v: %s", cc, err, output)
	}
	t.Cleanup(f.Stop)
	f.Start()
	return f
}

// Path returns the path of the shared memory.
func (f *FBClock) Path() string { return f.path }

// Start writes again, after Stop.
func (f *FBClock) Start() {
	f.t.Helper()
	run, err := startProcess(f.path+".output", nil, f.program, "write", f.path)
	if err != nil {
		f.t.Fatalf("testbed: %v", err)
	}
	f.run = run
	for deadline := time.Now().Add(startLimit); run.output() == "" || !strings.Contains(run.output(), "\nready"); time.Sleep(retryPause) {
		if run.exited() || time.Now().After(deadline) {
			f.t.Fatalf("testbed: fbclock does not write: %s", run.output())
		}
	}
}

// Stop has the memory remain as it is.
func (f *FBClock) Stop() {
	if f.run != nil {
		f.run.stop(stopLimit)
		f.run = nil
	}
}

// Window returns what fbclock's reader makes of the given data at a reading of CLOCK_MONOTONIC_RAW: the numbers
// are those of a section in their order, without the clock.
func (f *FBClock) Window(raw int64, data ...int64) (earliest, latest int64, err error) {
	arguments := []string{"window", fmt.Sprint(raw)}
	for _, d := range data {
		arguments = append(arguments, fmt.Sprint(d))
	}
	output, err := exec.Command(f.program, arguments...).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("fbclock: %w: %s", err, output)
	}
	_, err = fmt.Sscan(string(output), &earliest, &latest)
	return earliest, latest, err
}
