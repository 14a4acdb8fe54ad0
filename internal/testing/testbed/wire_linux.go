package testbed

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wire carries PTP messages over Ethernet between two network namespaces, and takes longer for one
// direction. It is what is between the stamps of the two ends, as a switch is: what a queue of the
// sender adds would be before its stamp. To each message it adds what it takes this process to wake
// up.
type wire struct {
	ends  [2]int // packet sockets
	later *departures
	stop  atomic.Bool
	done  sync.WaitGroup
}

// etherPTP is ETH_P_1588 (include/uapi/linux/if_ether.h).
const etherPTP = 0x88F7

// wirePrefix begins the names of this process's ends of wires: other processes have wires on the
// same host.
func wirePrefix() string { return fmt.Sprintf("epw%06x", os.Getpid()) }

// newWire joins an interface down0 of one namespace and up0 of another. What goes from the first to
// the second is held up.
func newWire(t testing.TB, down, up *namespace, delay time.Duration) {
	t.Helper()
	w := &wire{ends: [2]int{-1, -1}}
	for i, end := range []struct {
		inside *namespace
		name   string
	}{{down, "down0"}, {up, "up0"}} {
		ours := fmt.Sprintf("%s%04x", wirePrefix(), rand.N(1<<16))
		if err := ip("link", "add", ours, "type", "veth", "peer", "name", end.name, "netns", end.inside.name); err != nil {
			SkipOrFail(t, fmt.Sprintf("no veth pair for a wire: %v", err))
		}
		t.Cleanup(func() { _ = ip("link", "delete", ours) }) // it may have gone with the namespace
		for _, arguments := range [][]string{{"link", "set", ours, "up"}, {"-n", end.inside.name, "link", "set", end.name, "up"}} {
			if err := ip(arguments...); err != nil {
				t.Fatalf("testbed: %v", err)
			}
		}
		fd, err := packetSocket(ours)
		if err != nil {
			t.Fatalf("testbed: a wire at %s: %v", ours, err)
		}
		w.ends[i] = fd
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	w.later = startDepartures(1)
	t.Cleanup(func() { w.stop.Store(true); w.done.Wait(); w.later.release() })
	w.done.Go(func() { w.carry(w.ends[0], w.ends[1], delay) })
	w.done.Go(func() { w.carry(w.ends[1], w.ends[0], 0) })
}

// packetSocket opens a socket for what comes in at an interface. It wakes up now and then to be
// stopped.
func packetSocket(name string) (int, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return -1, err
	}
	const swapped = etherPTP>>8 | etherPTP&0xff<<8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: swapped, Ifindex: link.Index}); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	wake := unix.NsecToTimeval(int64(50 * time.Millisecond))
	return fd, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wake)
}

func (w *wire) carry(from, to int, delay time.Duration) {
	var frame [2048]byte
	for !w.stop.Load() {
		n, sender, err := unix.Recvfrom(from, frame[:], 0)
		if err != nil {
			continue // nothing came
		}
		if l, ok := sender.(*unix.SockaddrLinklayer); !ok || l.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		message := append([]byte(nil), frame[:n]...)
		leave := func() { _, _ = unix.Write(to, message) } // as on any wire, it may be lost
		if delay > 0 {
			w.later.add(time.Now().Add(delay), leave)
		} else {
			leave()
		}
	}
}
