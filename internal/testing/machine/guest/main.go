//go:build linux

// Command guest is the first and only process of a virtual machine that package machine boots. It
// mounts what there is to mount, loads the modules that it was given, sets up the network and obeys
// requests from the host, until the machine is switched off.
//
// What it is to keep is on the kernel's command line after "--", which the kernel hands on:
//
//	-servers 10.0.0.2:4711,10.0.1.2:4712   the NTP servers to follow, if any
//	-poll 1s                               how often
//	-unseen 1s                             the longest pause that its clock allows for
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	fmt.Println("guest:", run()) // why it ends, to the console, which the host keeps
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// run goes on until something fails.
func run() error {
	var how timekeeping
	flag.StringVar(&how.servers, "servers", "", "NTP servers to follow, separated by commas")
	flag.DurationVar(&how.poll, "poll", time.Second, "how often they are asked")
	flag.DurationVar(&how.unseen, "unseen", 0, "the longest pause that the counter may not have seen")
	flag.Parse()

	for _, step := range []func() error{mount, loadModules, setUpNetwork} {
		if err := step(); err != nil {
			return err
		}
	}
	port, err := openPort()
	if err != nil {
		return err
	}
	guest := &guest{how: how}
	if err := guest.keepTime(); err != nil {
		return err
	}
	return guest.serve(port)
}

// mount makes the file systems of the kernel appear where programs expect them.
func mount() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return os.Setenv("HOME", "/tmp")
}
