package engine

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// From its choice on nobody else can take a port: not before the process is there for which it was
// chosen, nor while that is away; and not by way of sharing before it was held.
func TestAHeldPortIsTakenByNobodyElse(t *testing.T) {
	if !shareable {
		t.Skip("this system has no way to hold a port for another process")
	}
	h, err := Hold()
	require.NoError(t, err)
	defer h.Release()
	_, port, err := net.SplitHostPort(h.Address)
	require.NoError(t, err)
	strangers := func() {
		t.Helper()
		for _, at := range []string{h.Address, "0.0.0.0:" + port} {
			l, err := net.Listen("tcp", at)
			if err == nil {
				l.Close()
			}
			require.Error(t, err, "a stranger got it at %s", at)
		}
	}
	for range 3 { // the process is away, there, away …
		strangers()
		_, err := net.Dial("tcp", h.Address)
		require.Error(t, err, "nobody listens yet")
		l, err := ListenHeld(h.Address)
		require.NoError(t, err)
		strangers()
		for range 10 { // all connections come to who listens
			c, err := net.Dial("tcp", h.Address)
			require.NoError(t, err)
			got, err := l.Accept()
			require.NoError(t, err)
			require.NoError(t, got.Close())
			require.NoError(t, c.Close())
		}
		require.NoError(t, l.Close())
	}
	require.NoError(t, h.Release())
}

func TestAPortInUseIsNotHeld(t *testing.T) {
	l, err := ListenHeld("127.0.0.1:0") // shared, even
	require.NoError(t, err)
	defer l.Close()
	_, err = hold(l.Addr().(*net.TCPAddr).Port)
	require.Error(t, err)
}
