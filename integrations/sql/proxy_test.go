package epsilonsql_test

import (
	"bytes"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A proxy stands between a client and its server, and does to a request what networks do.
type proxy struct {
	t        testing.TB
	server   *server
	folder   string
	listener net.Listener

	mu      sync.Mutex
	fate    func(request []byte, l *link) bool // nil, or whether the request is passed on
	links   []*link
	running sync.WaitGroup
}

// link is one connection of a client through the proxy.
type link struct {
	client, server net.Conn
	answered       chan struct{} // gets a value for each answer of the server that the client will not see
	mu             sync.Mutex
	muted          bool
}

// through returns the database as it is seen through a proxy.
func through(t testing.TB, d database) (*sql.DB, *proxy) {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "epsilonsql")
	require.NoError(t, err)
	listener, err := net.Listen("unix", filepath.Join(folder, d.server.socket))
	require.NoError(t, err)
	p := &proxy{t: t, server: d.server, folder: folder, listener: listener}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return open(t, d.driver, d.server.dataSource(folder, d.name)), p
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for _, l := range p.links {
		l.cut()
	}
	p.mu.Unlock()
	p.running.Wait()
	_ = os.RemoveAll(p.folder)
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", filepath.Join(p.server.folder, p.server.socket))
		if err != nil { // it was killed
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server, answered: make(chan struct{}, 1)}
		p.mu.Lock()
		p.links = append(p.links, l)
		p.mu.Unlock()
		p.running.Go(func() { p.requests(l) })
		p.running.Go(l.answers)
	}
}

func (p *proxy) requests(l *link) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			if !l.isMuted() { // or a client that has gone leaves its request behind
				l.cut()
			}
			return
		}
		if l.isMuted() { // such as the farewell of a client that has given up
			continue
		}
		p.mu.Lock()
		fate := p.fate
		p.mu.Unlock()
		if fate != nil && !fate(buffer[:n], l) {
			continue
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			l.cut()
			return
		}
	}
}

func (l *link) answers() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			l.cut()
			close(l.answered)
			return
		}
		if l.isMuted() {
			select {
			case l.answered <- struct{}{}:
			default:
			}
			continue
		}
		_, _ = l.client.Write(buffer[:n]) // if it has gone, requests notices
	}
}

func (l *link) isMuted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.muted
}

// mute keeps the answers of the server from the client, and the connection to the server open when the
// client has gone.
func (l *link) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// onRequest sets what becomes of requests.
func (p *proxy) onRequest(fate func(request []byte, l *link) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate = fate
}

// held is a request that has left its client and has not come to the server.
type held struct {
	request []byte
	link    *link
}

// arrive lets the request come to the server, and returns when that has answered.
func (h held) arrive(t testing.TB) {
	t.Helper()
	_, err := h.link.server.Write(h.request)
	require.NoError(t, err)
	_, ok := <-h.link.answered
	require.True(t, ok, "the server has ended the connection")
	h.link.cut()
}

// hold passes so many requests to execute a prepared statement on, and holds the one after that.
func (p *proxy) hold(after int) <-chan held {
	found := make(chan held, 1)
	var mu sync.Mutex
	p.onRequest(func(request []byte, l *link) bool {
		mu.Lock()
		defer mu.Unlock()
		if !isExecute(p.server, request) {
			return true
		}
		after--
		if after != -1 {
			return true
		}
		l.mute()
		found <- held{bytes.Clone(request), l}
		return false
	})
	return found
}

// isExecute knows Bind of PostgreSQL's protocol, and COM_STMT_EXECUTE of MySQL's.
func isExecute(s *server, request []byte) bool {
	if s == postgres {
		return request[0] == 'B'
	}
	return len(request) > 4 && request[4] == 0x17
}

func isCommit(request []byte) bool { return bytes.Contains(bytes.ToLower(request), []byte("commit")) }
