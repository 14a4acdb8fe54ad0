package epsilonetcd_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between clients and a member, and can keep the member's answers to itself.
type proxy struct {
	folder  string
	silence atomic.Bool
}

func newProxy(t testing.TB, m *member) *proxy {
	p := &proxy{folder: m.folder}
	listener, err := net.Listen("unix", filepath.Join(m.folder, "proxy"))
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(client, filepath.Join(m.folder, m.name)) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait() // for the clients, which were closed before
	})
	return p
}

func (p *proxy) serve(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("unix", to)
	if err != nil {
		return
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	buffer := make([]byte, 4096)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			break
		}
		if p.silence.Load() {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			break
		}
	}
	client.Close()
	<-asked
}

func (p *proxy) withhold() { p.silence.Store(true) }
func (p *proxy) pass()     { p.silence.Store(false) }

func (p *proxy) endpoint() string {
	u := socket(p.folder, "proxy")
	return u.String()
}
