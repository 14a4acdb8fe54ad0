package webserver

import (
	"net"
	"sync"
	"sync/atomic"
)

// maxConnections is how many clients of one listener may be connected at once.
const maxConnections = 256

// limited closes connections beyond a number at once, so that those who hold theirs keep nobody waiting.
type limited struct {
	net.Listener
	open atomic.Int64
}

func limit(l net.Listener) net.Listener { return &limited{Listener: l} }

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) > maxConnections {
			l.open.Add(-1)
			_ = c.Close()
			continue
		}
		return &counted{Conn: c, closed: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
	}
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}
