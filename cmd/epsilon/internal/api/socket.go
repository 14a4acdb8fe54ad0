package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/epsilontime/epsilon/internal/durable"
	"github.com/epsilontime/epsilon/internal/mistakes"
)

// SystemSocket is where the daemon of the host listens.
const SystemSocket = "/run/epsilon/socket"

// DefaultSocket returns where a daemon of this user listens by default: at [SystemSocket] for root, and
// for others in the directory that the system has made for them ($XDG_RUNTIME_DIR).
func DefaultSocket() (string, error) {
	if os.Geteuid() == 0 || writable(filepath.Dir(SystemSocket)) {
		return SystemSocket, nil
	}
	if own := ownSocket(); own != "" {
		return own, nil
	}
	return "", fmt.Errorf("no directory for the socket: %s takes root, and XDG_RUNTIME_DIR is not set; give one with --socket", SystemSocket)
}

func ownSocket() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "epsilon", "socket")
}

// FindSocket returns where a command looks for a daemon by default: $EPSILON_SOCKET if it is set, else
// the first of the two places of [DefaultSocket] that there is.
func FindSocket() string {
	if path := os.Getenv("EPSILON_SOCKET"); path != "" {
		return path
	}
	if _, err := os.Stat(SystemSocket); err != nil {
		if own := ownSocket(); own != "" {
			if _, err := os.Stat(own); err == nil {
				return own
			}
		}
	}
	return SystemSocket
}

// Listener accepts connections at a Unix socket that belongs to this process alone.
type Listener struct {
	*net.UnixListener
	lock *durable.Lock

	mu   sync.Mutex
	open map[uint32]int // connections by the user who has made them
}

// Limits of a daemon that everybody may ask.
const (
	maxConnectionsEach = 64 // of one user
	maxSocketPath      = 107
)

// Listen makes the socket, which everybody may use, and its directory if there is none. A socket that a
// daemon has left behind is replaced; one where a daemon still listens is an error.
func Listen(path string) (*Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of the socket is %d bytes long, and a Unix socket may have %d: %s", len(path), maxSocketPath, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, explain("make the directory of the socket", path, err)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("cannot listen at %s: there is a file that is no socket", path)
	}
	// Whoever holds the lock may replace the socket; two daemons that start at once cannot both.
	lock, err := durable.TryLock(path + ".lock")
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("another daemon runs and has the socket %s: stop it, or give another path with --socket", path)
	}
	if err != nil {
		return nil, explain("lock the socket", path, err)
	}
	l, err := bind(path)
	if err != nil {
		return nil, mistakes.Join(err, lock.Close())
	}
	return &Listener{UnixListener: l, lock: lock, open: map[uint32]int{}}, nil
}

func bind(path string) (*net.UnixListener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("another program listens at %s: stop it, or give another path with --socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain("replace the socket", path, err)
	}
	// A mode that is set afterwards could be that of another file, which somebody has put there meanwhile.
	restore := letOthersUse()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	restore()
	if err != nil {
		return nil, explain("listen at the socket", path, err)
	}
	return l, nil
}

// explain says in one sentence what could not be done, and what to do.
func explain(what, path string, err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("cannot %s %s: the file system is read-only; give another path with --socket: %w", what, path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot %s %s: no permission; run as root, or give another path with --socket: %w", what, path, err)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("cannot %s %s: the path is too long, or no path: %w", what, path, err)
	}
	return fmt.Errorf("cannot %s %s: %w", what, path, err)
}

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return false
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return true
}

// Files are what a user has to own who is to make more files beside the socket and take it away at the end:
// the socket, its lock and the directory, if that is the daemon's.
func (l *Listener) Files() []string {
	path := l.Path()
	files := []string{path, path + ".lock"}
	if dir := filepath.Dir(path); dir == filepath.Dir(SystemSocket) { // any other is somebody else's
		files = append(files, dir)
	}
	return files
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.Addr().String() }

// Accept returns the next connection of a user who does not have too many already.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		peer, known := peerOf(c)
		if !known {
			peer = nobody
		}
		if l.count(peer, 1) > maxConnectionsEach {
			l.count(peer, -1)
			_ = c.Close()
			continue
		}
		return &connection{UnixConn: c, peer: peer, known: known, closed: sync.OnceFunc(func() { l.count(peer, -1) })}, nil
	}
}

// nobody stands for users whom the system does not tell.
const nobody = ^uint32(0)

func (l *Listener) count(peer uint32, change int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[peer] += change
	n := l.open[peer]
	if n == 0 {
		delete(l.open, peer)
	}
	return n
}

// Close takes the socket away.
func (l *Listener) Close() error { return mistakes.Join(l.UnixListener.Close(), l.lock.Close()) }

// connection knows who has made it.
type connection struct {
	*net.UnixConn
	peer   uint32 // the user's number
	known  bool
	closed func()
}

func (c *connection) Close() error {
	c.closed()
	return c.UnixConn.Close()
}
