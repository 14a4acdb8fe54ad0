//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// port is the virtual serial line to the host (virtio-serial). It outlives the host's end: while
// nobody is there, as while this machine moves, reading waits.
type port struct {
	file  *os.File
	rest  []byte // what was read beyond the last line
	write sync.Mutex
}

func openPort() (*port, error) {
	path, err := appeared("/dev/vport*p1")
	if err != nil {
		return nil, err
	}
	// Blocking, as a port that the host has left counts as readable.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &port{file: os.NewFile(uintptr(fd), path)}, nil
}

// readLine waits for a line from the host.
func (p *port) readLine() (string, error) {
	buffer := make([]byte, 4096)
	for {
		if line, rest, found := bytes.Cut(p.rest, []byte("\n")); found {
			p.rest = rest
			return string(line), nil
		}
		n, err := unix.Read(int(p.file.Fd()), buffer)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", fmt.Errorf("read from the host: %w", err)
		case n == 0: // nobody is there
			p.rest = nil // half a line will never be finished
			time.Sleep(time.Millisecond)
		default:
			p.rest = append(p.rest, buffer[:n]...)
		}
	}
}

// writeLine is for any goroutine. What the host is not there to read is lost, and it will ask again.
func (p *port) writeLine(line []byte) {
	p.write.Lock()
	defer p.write.Unlock()
	_, _ = unix.Write(int(p.file.Fd()), append(line, '\n'))
}
