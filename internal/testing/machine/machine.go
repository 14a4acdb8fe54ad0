//go:build linux

package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// Config is what a machine is to be. The zero value is one of amd64 that keeps no time.
type Config struct {
	Architecture string            // amd64 or arm64; empty stands for amd64
	CPU          string            // qemu's name of a CPU model; empty stands for a usual one
	Kernel       string            // more of the kernel's command line, such as clocksource=acpi_pm
	Servers      []string          // NTP servers on this host, as 127.0.0.1:port, that its clock follows
	Arguments    []string          // more for the guest's program: see the folder guest
	Files        map[string]string // what else is in the guest, by path there without the first slash
	ThreadPerCPU bool              // qemu has a thread for each CPU: faster, but kernels have locked up then, and never with one for all
}

// Machine is a virtual machine that runs. Its methods but Now and Ask belong to one goroutine.
type Machine struct {
	t       testing.TB
	config  Config
	boot    []string // qemu's arguments that boot it
	folder  string   // of this process of qemu's
	process *exec.Cmd
	control *qmp
	channel *channel

	keepsSnapshots bool // there is an image for them
}

// kinds are how qemu makes a machine of an architecture.
var kinds = map[string]struct {
	qemu, board, cpu, console string
}{
	"amd64": {"qemu-system-x86_64", "pc", "qemu64", "ttyS0"},
	"arm64": {"qemu-system-aarch64", "virt", "cortex-a72", "ttyAMA0"},
}

// Start boots a machine and waits until it answers. It ends with the test. Without qemu or the
// kernel's package the test is skipped, or fails with EPSILON_REQUIRE_DAEMONS=1.
func Start(t testing.TB, config Config) *Machine {
	t.Helper()
	if config.Architecture == "" {
		config.Architecture = "amd64"
	}
	kind, known := kinds[config.Architecture]
	if !known {
		t.Fatalf("machine: no machine is known of architecture %q", config.Architecture)
	}
	testbed.RequireBinary(t, kind.qemu)
	kernel := testbed.RequireKernel(t, config.Architecture)
	initrd := filepath.Join(t.TempDir(), "initrd")
	files := map[string]string{"init": buildGuest(t, config.Architecture)}
	for name, file := range config.Files {
		files[name] = file
	}
	writeInitrd(t, initrd, kernel, files)

	line := fmt.Sprintf("console=%s panic=-1 quiet %s -- %s", kind.console, config.Kernel, strings.Join(config.guestArguments(), " "))
	m := &Machine{t: t, config: config, boot: []string{"-kernel", kernel.Image, "-initrd", initrd, "-append", line}}
	m.launch()
	m.awaitBoot()
	return m
}

func (c Config) guestArguments() []string {
	arguments := c.Arguments
	if len(c.Servers) > 0 {
		var seen []string
		for i, server := range c.Servers {
			seen = append(seen, strings.Replace(server, "127.0.0.1", fmt.Sprintf("10.0.%d.2", i), 1))
		}
		arguments = append([]string{"-servers", strings.Join(seen, ",")}, arguments...)
	}
	return arguments
}

// buildGuest compiles the guest's program.
func buildGuest(t testing.TB, goarch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "init")
	build := exec.Command("go", "build", "-o", path, "github.com/epsilontime/epsilon/internal/testing/machine/guest")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=") // without -race
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("machine: build the guest: %v: %s", err, output)
	}
	return path
}

// launch starts a qemu that boots the machine, or with more arguments does something else with it.
func (m *Machine) launch(more ...string) {
	m.t.Helper()
	kind := kinds[m.config.Architecture]
	folder, err := os.MkdirTemp("", "machine-") // short: the path of a socket has 108 bytes at most
	if err != nil {
		m.t.Fatalf("machine: %v", err)
	}
	m.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	m.folder = folder
	cpu := m.config.CPU
	if cpu == "" {
		cpu = kind.cpu
	}
	threads := "single"
	if m.config.ThreadPerCPU {
		threads = "multi"
	}
	arguments := append([]string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", kind.board, "-cpu", cpu, "-m", "512", "-smp", "2", "-accel", "tcg,thread=" + threads,
		"-serial", "file:" + m.path("console"),
		"-qmp", "unix:" + m.path("qmp") + ",server=on,wait=off",
		"-device", "virtio-serial-pci",
		"-chardev", "socket,id=truth,path=" + m.path("truth") + ",server=on,wait=off",
		"-device", "virtserialport,chardev=truth,name=truth",
	}, m.boot...)
	// A clock takes servers of one address for one server, so each has a network of its own, in which
	// this host's loopback is the second address (qemu's documentation of -netdev user).
	for i := range m.config.Servers {
		arguments = append(arguments, "-netdev", fmt.Sprintf("user,id=net%d,net=10.0.%d.0/24,host=10.0.%[1]d.2", i, i),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=net%d,romfile=", i))
	}
	output, err := os.Create(m.path("output"))
	if err != nil {
		m.t.Fatalf("machine: %v", err)
	}
	defer output.Close() // qemu has its own copy of the descriptor
	cmd := exec.Command(kind.qemu, append(arguments, more...)...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		m.t.Fatalf("machine: start %s: %v", kind.qemu, err)
	}
	m.process = cmd
	m.t.Cleanup(func() { kill(cmd) })
	if m.control, err = dialQMP(m.path("qmp")); err != nil {
		m.fatal("control qemu: %v", err)
	}
	if m.channel, err = dialChannel(m.path("truth")); err != nil {
		m.fatal("open the truth channel: %v", err)
	}
	m.t.Cleanup(func() {
		_ = m.channel.conn.Close()
		_ = m.control.conn.Close()
	})
}

// kill ends a qemu, and may be called again.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // how it ends after that is of no interest
}

// Kill ends the machine at once.
func (m *Machine) Kill() { kill(m.process) }

func (m *Machine) path(name string) string { return filepath.Join(m.folder, name) }

// awaitBoot waits for the guest's first line.
func (m *Machine) awaitBoot() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if _, err := m.Ask(ctx, "read /proc/uptime"); err != nil {
		m.fatal("the machine did not boot within %v: %v", startLimit, err)
	}
}

// Ask has the guest obey a request, and returns its answer: see the folder guest.
func (m *Machine) Ask(ctx context.Context, request string) (string, error) {
	r, err := m.channel.ask(ctx, request)
	return r.text, err
}

// Do is Ask where anything but an answer ends the test.
func (m *Machine) Do(request string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	text, err := m.Ask(ctx, request)
	if err != nil {
		m.fatal("%v", err)
	}
	return text
}

// Report is what the guest says about its clock.
type Report struct {
	Status  truetime.Status
	Summary string
	Events  []string
}

// Report asks the guest about its clock.
func (m *Machine) Report() (r Report) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.Do("status")), &r); err != nil {
		m.fatal("the guest's report: %v", err)
	}
	return r
}

// Epoch asks the guest in which epoch its clock is: a small part of a report, which takes as little of its time.
func (m *Machine) Epoch() (epoch uint64) {
	m.t.Helper()
	if _, err := fmt.Sscan(m.Do("epoch"), &epoch); err != nil {
		m.fatal("the guest's epoch: %v", err)
	}
	return epoch
}

// fatal ends the test with what the machine has said.
func (m *Machine) fatal(format string, arguments ...any) {
	m.t.Helper()
	console, _ := os.ReadFile(m.path("console"))
	output, _ := os.ReadFile(m.path("output"))
	if len(console) > 4000 {
		console = console[len(console)-4000:]
	}
	m.t.Fatalf("machine: %s\nqemu: %s\nconsole: %s", fmt.Sprintf(format, arguments...), output, console)
}
