//go:build linux

package machine

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// simulated matches tests of simulated machines, and of much that has no counter in it: these are the same on
// every processor, and take minutes in an emulator.
const simulated = "World|OnAMachine|OnMachines|MachinesThat|InACrowd|CrowdHasGone|Linearizable|AfterTheFaults|TakeOverTakes|SilentMajority|FlightRecorderKeeps|RecordingEnds|DeniesService|FallsSilent|SlowEventFunction|WrapperLoses"

// tested are the packages whose tests run on an arm64 machine, and which of their tests do not.
var tested = []struct{ path, skip string }{
	{"internal/ticks", ""},
	{"internal/vdso", ""},
	{"internal/localcounter", ""},
	{"monotonic", ""},
	{"hlc", simulated},
	{"commitwait", simulated},
	{"lease", simulated},
	{"truetime", simulated +
		"|ReadmeShows|OperationsQuotes" + // these read files of the repository, which are not there
		"|SaysWhichCounter" + // expects that no other counter is chosen meanwhile, which an emulator's jitter brings about
		"|ManyGoroutines"}, // they wait for each other, on two emulated CPUs
}

// testLimit bounds the tests of one package in the machine, on a host that is busy.
const testLimit = 8 * time.Minute

func TestEverythingHoldsOnARM64(t *testing.T) {
	boots(t)
	started := time.Now()
	t.Cleanup(func() { t.Logf("took %v", time.Since(started).Round(time.Second)) })
	folder := t.TempDir()
	files := map[string]string{}
	for _, p := range tested {
		name := programOf(p.path)
		files[name] = filepath.Join(folder, name)
		build := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", files[name], "github.com/epsilontime/epsilon/"+p.path)
		build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
		output, err := build.CombinedOutput()
		require.NoError(t, err, "build the tests of %s: %s", p.path, output)
	}
	m := Start(t, Config{Architecture: "arm64", ThreadPerCPU: true, Files: files})
	require.Equal(t, "arch_sys_counter", m.Do("read /sys/devices/system/clocksource/clocksource0/current_clocksource"))
	for _, p := range tested {
		m.requireTestsPass(t, p.path, p.skip)
	}
}

func programOf(path string) string { return strings.ReplaceAll(path, "/", "-") }

// requireTestsPass runs the tests of a package in the machine.
func (m *Machine) requireTestsPass(t *testing.T, path, skip string) {
	t.Helper()
	started := time.Now()
	command := "run /" + programOf(path) + " -test.v -test.short -test.timeout " + testLimit.String()
	if skip != "" {
		command += " -test.skip " + skip
	}
	ctx, cancel := context.WithTimeout(t.Context(), testLimit+time.Minute) // the tests' own limit comes first, and says more
	defer cancel()
	text, err := m.Ask(ctx, command)
	require.NoError(t, err, "the tests of %s", path)
	var ran struct {
		Output string
		Status int
	}
	require.NoError(t, json.Unmarshal([]byte(text), &ran))
	passed := strings.Count(ran.Output, "\n--- PASS")
	t.Logf("%s: %d passed, %d skipped after %v", path, passed, strings.Count(ran.Output, "\n--- SKIP"), time.Since(started).Round(time.Second))
	if ran.Status != 0 || passed == 0 {
		t.Errorf("%s: exit status %d: %s", path, ran.Status, ran.Output)
	}
}
