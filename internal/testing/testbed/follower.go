package testbed

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Follower is a chronyd that follows one server and answers to commands.
type Follower struct {
	*Chronyd
	commandPort int
	socket      string
}

// StartFollower starts a chronyd that follows the server at address, asking it every interval of
// 2^poll seconds, −4 to 6, and waits until it serves time: until it is
// synchronised, or at once if the further directives say so. It leaves the system clock
// alone and keeps how far off it believes that clock to be as a number.
func StartFollower(t testing.TB, address string, poll int, directives ...string) *Follower {
	t.Helper()
	RequireBinary(t, "chronyd")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("testbed: follow %s: %v", address, err)
	}
	// The directory of a test is named after it, and the path of a socket may have 107 bytes only.
	directory, err := os.MkdirTemp("", "chronyd-")
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	f := &Follower{socket: filepath.Join(directory, "chronyd.sock"), commandPort: holdUDP(t)}
	f.Chronyd = launch(t, append([]string{
		fmt.Sprintf("server %s port %s minpoll %d maxpoll %d", host, port, poll, poll),
		fmt.Sprintf("cmdport %d", f.commandPort),
		"bindcmdaddress 127.0.0.1",
		"bindcmdaddress " + f.socket,
	}, directives...), nil, exchange.usable)
	return f
}

// CommandAddress returns the "127.0.0.1:port" that takes commands.
func (f *Follower) CommandAddress() string { return loopback(f.commandPort).String() }

// CommandSocket returns the path of the socket that takes commands.
func (f *Follower) CommandSocket() string { return f.socket }
