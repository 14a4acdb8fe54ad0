package ptpsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// PTP4LSocket is where ptp4l listens unless its uds_address says otherwise. It is root's.
const PTP4LSocket = "/var/run/ptp4l"

// maxSocketPath is what a struct sockaddr_un holds on Linux, without the final zero.
const maxSocketPath = 107

func parseSocket(path string) error {
	own := len("ptpsrc.4194304.01234567.sock")
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("ptp4l's socket %.80q is not an absolute path, as %s", path, PTP4LSocket)
	case len(path) > maxSocketPath || len(filepath.Dir(path))+1+own > maxSocketPath:
		return fmt.Errorf("ptp4l's socket %.40q…: the path of %d bytes is too long for a socket, or for ours beside it", path, len(path))
	}
	return nil
}

// managementSocket is a fresh socket to ptp4l.
type managementSocket struct {
	*net.UnixConn
	path     string // of our end, to which ptp4l answers
	identity protocol.PortIdentity
	domain   uint8
	sequence uint16
}

// dialPTP4L opens a socket beside ptp4l's, where ptp4l surely can write to. It does not block.
func dialPTP4L(path string, domain uint8) (*managementSocket, error) {
	own := filepath.Join(filepath.Dir(path), fmt.Sprintf("ptpsrc.%d.%08x.sock", os.Getpid(), rand.Uint32()))
	c, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		_ = os.Remove(own) // it may have been made before the connection was refused
		return nil, explainSocket(path, err)
	}
	s := &managementSocket{UnixConn: c, path: own, identity: randomIdentity(), domain: domain, sequence: uint16(rand.Uint32())}
	if err := os.Chmod(own, 0o666); err != nil { // ptp4l may be another user
		_ = s.Close()
		return nil, explainSocket(path, err)
	}
	return s, nil
}

func (s *managementSocket) Close() error { return mistakes.Join(s.UnixConn.Close(), os.Remove(s.path)) }

// explainSocket says in one sentence why ptp4l cannot be asked and what to do.
func explainSocket(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("no permission to use ptp4l's socket %s: run as root: %w", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket %s: ptp4l does not run, or has another uds_address: %w", path, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no ptp4l listens at %s: it has died: %w", path, err)
	default:
		return fmt.Errorf("asking ptp4l at %s: %w", path, err)
	}
}

// maxJunk is how many datagrams that answer other questions are skipped.
const maxJunk = 100

// get asks for one data set of the clock, or of a port if it is not allPorts.
func (s *managementSocket) get(ctx context.Context, id, port uint16, set any) error {
	stop := context.AfterFunc(ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	s.sequence++
	q := question{id: id, port: port, domain: s.domain, sequence: s.sequence, from: s.identity}
	if _, err := s.Write(q.encode()); err != nil {
		return s.noAnswer(ctx, err)
	}
	var b [maxMessageSize]byte
	for range maxJunk {
		n, err := s.Read(b[:])
		if err != nil {
			return s.noAnswer(ctx, err)
		}
		if err := q.decode(b[:n], set); !errors.Is(err, errOtherMessage) {
			return err
		}
	}
	return fmt.Errorf("%d datagrams came from ptp4l that do not answer the question", maxJunk)
}

func (s *managementSocket) noAnswer(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer from ptp4l at %s: it is not in domain %d, or hangs: %w", s.RemoteAddr(), s.domain, ctx.Err())
	}
	return explainSocket(s.RemoteAddr().String(), err)
}
