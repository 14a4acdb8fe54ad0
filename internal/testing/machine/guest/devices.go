//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// loadModules loads the modules that came with this program, in the order of their names.
func loadModules() error {
	const directory = "/modules"
	entries, err := os.ReadDir(directory) // sorted
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(directory, entry.Name()))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(file.Fd()), "", 0)
		_ = file.Close() // it was only read
		if err != nil && err != unix.EEXIST {
			return fmt.Errorf("load %s: %w", entry.Name(), err)
		}
	}
	return nil
}

// deviceLimit is how long a device may take to appear, on a host that is busy.
const deviceLimit = time.Minute

// appeared waits until there is a file that matches the pattern.
func appeared(pattern string) (string, error) {
	for end := time.Now().Add(deviceLimit); ; time.Sleep(10 * time.Millisecond) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0], nil
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("no %s appeared within %v", pattern, deviceLimit)
		}
	}
}

// setUpNetwork gives each card an address in the network that qemu makes for it. The host is the
// second address there, on the same link: no route is needed.
func setUpNetwork() error {
	cards, err := filepath.Glob("/sys/class/net/eth*") // sorted; the driver is loaded, and they are there
	if err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(socket)
	if err := setUpInterface(socket, "lo", []byte{127, 0, 0, 1}, []byte{255, 0, 0, 0}); err != nil {
		return fmt.Errorf("set up the loopback: %w", err)
	}
	for i, card := range cards {
		if err := setUpInterface(socket, filepath.Base(card), []byte{10, 0, byte(i), 15}, []byte{255, 255, 255, 0}); err != nil {
			return fmt.Errorf("set up %s: %w", card, err)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(localPorts), 0)
}

// localPorts are those from which servers are asked. For each qemu has a socket of the host's for four minutes, and looks at all of
// them hundreds of times a second: with the thousands that the kernel would use the machine comes to nothing else.
const localPorts = "50000 50031"

func setUpInterface(socket int, name string, address, mask []byte) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := request.SetInet4Addr(address); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFADDR, request); err != nil {
		return err
	}
	if err := request.SetInet4Addr(mask); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFNETMASK, request); err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
