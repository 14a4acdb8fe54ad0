package ptpsrc

import (
	"net"
	"net/netip"
	"testing"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// requireStamps skips where the kernel does not stamp, or does not let its clock be watched.
func requireStamps(t *testing.T, p *Port) {
	t.Helper()
	if !requestStamps(p.event) {
		t.Skip("this kernel does not stamp packets")
	}
	if _, err := wallclock.NewWatch(); err != nil {
		t.Skip("this kernel does not let its clock be watched")
	}
}

// The kernel's stamp may only be later than the program's reading, and a server on this machine has
// the message later still. That holds too if the stamp is taken by whoever sends the next message.
func TestKernelsStampOfADelayReqLiesBetweenTheProgramAndTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		server string
		port   []PortOption
	}{
		"IPv4":          {"127.0.0.1:0", []PortOption{WithLocalAddress(netip.MustParseAddr("127.0.0.1"))}},
		"IPv6":          {"[::1]:0", []PortOption{WithLocalAddress(netip.MustParseAddr("::1"))}},
		"all addresses": {"127.0.0.1:0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.server)))
			if err != nil {
				t.Skipf("this machine has no such address: %v", err)
			}
			defer server.Close()
			p := freePort(t, c.port...)
			defer p.Close()
			requireStamps(t, p)
			counter, err := monotonic.System()
			require.NoError(t, err)
			wall := watchWall(hostPHC{}, counter, 200, &wallMemory{})
			require.NotNil(t, wall.watch)
			buffer := make([]byte, maxMessageSize)
			used := 0
			for range 100 {
				before := counter.Now()
				d, err := p.sendDelayReq(3, server.LocalAddr().(*net.UDPAddr).AddrPort(), wall, unsent{t, counter, server})
				require.NoError(t, err)
				require.LessOrEqual(t, before, d.wall.Before, "a reading from long before makes a stamp blunt")
				require.LessOrEqual(t, d.wall.After, d.at)
				n, err := server.Read(buffer)
				arrived := counter.Now()
				require.NoError(t, err)
				require.Equal(t, d.datagram, buffer[:n])
				at, by := wall.left(d, p.departures.stampOf(d))
				require.LessOrEqual(t, d.at, at)
				require.LessOrEqual(t, at, arrived)
				if by == byKernel {
					used++
				}
				require.NotEqual(t, byProgram, by)
				p.departures.forget(d)
			}
			if used == 0 {
				t.Skip("somebody has set the wall clock")
			}
			t.Logf("%d stamps", used)
		})
	}
}

// unsent is a counter that may only be read while the server has nothing to read.
type unsent struct {
	t *testing.T
	monotonic.Counter
	server *net.UDPConn
}

func (u unsent) Now() monotonic.Instant {
	raw, err := u.server.SyscallConn()
	require.NoError(u.t, err)
	require.NoError(u.t, raw.Control(func(fd uintptr) {
		_, _, err = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	}))
	require.ErrorIs(u.t, err, unix.EAGAIN, "the message has left already")
	return u.Counter.Now()
}

// unstamped has sent a message to the server and has not taken its stamp.
func unstamped(t *testing.T, c *conversation, server *net.UDPConn) *departure {
	t.Helper()
	d, err := c.port.departures.begin(func(sequence uint16) ([]byte, error) { return answerOf(t, c.port.delayReq(0, sequence)), nil })
	require.NoError(t, err)
	d.wall, d.at = c.wall.readAgain(), c.counter.Now()
	require.NoError(t, write(c.port.event, server.LocalAddr().(*net.UDPAddr).AddrPort(), d.datagram))
	_, err = server.Read(make([]byte, maxMessageSize))
	require.NoError(t, err)
	return d
}

func startUnstamped(t *testing.T) (*conversation, *net.UDPConn) {
	t.Helper()
	p := freeLocalPort(t)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	requireStamps(t, p)
	counter, err := monotonic.System()
	require.NoError(t, err)
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &conversation{port: p, counter: counter, wall: watchWall(hostPHC{}, counter, 200, &wallMemory{})}, server
}

// A message that waits in the kernel for an address to be found is stamped after that.
func TestStampThatComesLateIsTakenWithTheAnswer(t *testing.T) {
	c, server := startUnstamped(t)
	c.delayReq = unstamped(t, c, server)
	require.Zero(t, c.port.departures.stampOf(c.delayReq), "nobody has taken it")
	_, by := c.left()
	require.NotZero(t, c.port.departures.stampOf(c.delayReq))
	require.NotEqual(t, byProgram, by)
}

func TestStampsThatAreTakenTogetherAreToldApart(t *testing.T) {
	c, server := startUnstamped(t)
	for range 50 {
		first := unstamped(t, c, server)
		arrived := c.counter.Now()
		second := unstamped(t, c, server)
		c.port.takeStamps()
		for _, d := range []*departure{first, second} {
			require.NotZero(t, c.port.departures.stampOf(d))
			c.port.departures.forget(d)
		}
		c.delayReq = first
		at, _ := c.left()
		require.LessOrEqual(t, at, arrived, "it has the stamp of the second")
	}
}

func TestKernelWithoutTransmitStampsIsAskedForTheOthers(t *testing.T) {
	for _, c := range []struct {
		refused []int
		granted bool
	}{
		{nil, true}, {[]int{allStamps}, true}, {[]int{allStamps, receiveStamps}, false},
	} {
		var asked []int
		granted := askForStamps(func(flags int) error {
			asked = append(asked, flags)
			if len(asked) <= len(c.refused) {
				require.Equal(t, c.refused[len(asked)-1], flags)
				return net.ErrClosed
			}
			return nil
		})
		require.Equal(t, c.granted, granted)
		require.Len(t, asked, min(len(c.refused)+1, 2), "one that grants is not asked again")
	}
}

// Whoever sends anything else from the server's address has the program make no system call for it.
func TestOnlyASyncIsWorthAReadingOfTheClocks(t *testing.T) {
	for _, stamps := range []bool{true, false} {
		b := newBed(t, nil)
		requireStamps(t, b.port)
		from := peer{netip.MustParseAddr("127.0.0.1"), fakeDomain}
		in, err := b.port.open(from, b.counter, stamps)
		require.NoError(t, err)
		defer b.port.release(from)
		syncs, others := 0, 0
		other := &protocol.DelayResp{Header: b.header(protocol.MessageDelayResp, 54, 1, fakeFlags)}
		for syncs < 3 || others < 3 {
			b.send(b.event, b.port.event, other)
			b.send(b.event, b.port.event, &protocol.SyncDelayReq{Header: b.header(protocol.MessageSync, 44, 1, fakeFlags)})
			for range 2 {
				m := <-in.messages
				if _, ok := m.packet.(*protocol.SyncDelayReq); !ok {
					others++
					require.Zero(t, m.wall)
					continue
				}
				syncs++
				require.Equal(t, stamps, m.wall.WallLast)
				require.Equal(t, stamps, m.stamp != 0)
			}
		}
	}
}

func TestWithoutKernelStampsTheWallClockIsNotLookedAt(t *testing.T) {
	b := newBed(t, nil)
	requireStamps(t, b.port)
	source := b.source(WithoutKernelStamps())
	for range 3 {
		s, err := source.Sample(t.Context(), b.counter)
		require.NoError(t, err)
		require.Equal(t, wallclock.StampedByProgram, s.Stamps)
	}
	require.Zero(t, source.(*unicast).wall)
	source = b.source()
	_, err := source.Sample(t.Context(), b.counter)
	require.NoError(t, err)
	require.NotZero(t, source.(*unicast).wall)
}
