package ntpsrc

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// chronyPort is chronyd's default cmdport.
const chronyPort = 323

// maxSocketPath is what a struct sockaddr_un holds on Linux, without the final zero.
const maxSocketPath = 107

// chronyAddress is where a chronyd listens for commands.
type chronyAddress struct {
	path string         // of a Unix socket
	udp  netip.AddrPort // if path is empty
}

func parseChronyAddress(s string) (chronyAddress, error) {
	if filepath.IsAbs(s) {
		if len(s) > maxSocketPath {
			return chronyAddress{}, fmt.Errorf("chronyd's socket %.40q…: a path of %d bytes, and a socket may have %d", s, len(s), maxSocketPath)
		}
		return chronyAddress{path: filepath.Clean(s)}, nil
	}
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return chronyAddress{}, fmt.Errorf("chronyd's address %.80q is neither the absolute path of a socket, as %s, nor a loopback IP address with or without :port, as 127.0.0.1", s, ChronySocket)
		}
		at = netip.AddrPortFrom(ip, chronyPort)
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if at.Port() == 0 {
		return chronyAddress{}, fmt.Errorf("chronyd's address %.80q: port 0 cannot be asked", s)
	}
	if zone := at.Addr().Zone(); zone != "" {
		return chronyAddress{}, fmt.Errorf("chronyd's address %.80q: a loopback address has no zone, leave %.40q away", s, "%"+zone)
	}
	if !at.Addr().IsLoopback() {
		return chronyAddress{}, fmt.Errorf("chronyd's address %.80q is not of this host: what it says is about the system clock of its own host; for another host use Server", s)
	}
	return chronyAddress{udp: at}, nil
}

func (a chronyAddress) String() string {
	if a.path != "" {
		return a.path
	}
	return a.udp.String()
}

// dialChrony opens a fresh socket to chronyd. It does not block.
func dialChrony(a chronyAddress) (net.Conn, error) {
	if a.path == "" {
		return net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(a.udp))
	}
	// chronyd answers to the path that the question came from. Like chronyc we make it beside
	// chronyd's own, the one place where chronyd surely may write, whatever else confines it.
	own := filepath.Join(filepath.Dir(a.path), fmt.Sprintf("chronyc.%d.%08x.sock", os.Getpid(), rand.Uint32()))
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: a.path, Net: "unixgram"})
	if err != nil {
		_ = os.Remove(own) // it may have been made before the connection was refused
		return nil, err
	}
	s := &unixSocket{conn, own}
	if err := os.Chmod(own, 0o666); err != nil { // chronyd is another user
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// unixSocket removes its own path when it is closed.
type unixSocket struct {
	*net.UnixConn
	path string
}

func (s *unixSocket) Close() error { return mistakes.Join(s.UnixConn.Close(), os.Remove(s.path)) }

// explain says in one sentence why chronyd cannot be asked and what to do.
func (a chronyAddress) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("no permission to use chronyd's socket %v: run as root or in chronyd's group, or use 127.0.0.1: %w", a, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket %v: chronyd does not run, or has another bindcmdaddress: %w", a, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no chronyd listens at %v: it does not run, or has another cmdport: %w", a, err)
	default:
		return fmt.Errorf("asking chronyd at %v: %w", a, err)
	}
}
