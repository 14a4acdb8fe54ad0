package ntpserver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/truetime"
)

// edge is a clock whose answer has true time at one of its ends.
type edge struct {
	truth
	early, late time.Duration
}

func (e edge) Now() (truetime.Interval, error) {
	now := e.now()
	return truetime.Interval{Earliest: now.Add(-e.early), Latest: now.Add(e.late)}, nil
}

// reply is what a client makes of one.
type reply struct {
	received, transmitted truetime.Time
	bound                 time.Duration
	bytes                 []byte
}

// ask sends a request from a connected socket, which takes a reply from the address that was asked and
// from no other.
func ask(t testing.TB, network, address string, request []byte) (r reply, err error) {
	t.Helper()
	conn, err := net.Dial(network, address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = conn.Write(request)
	require.NoError(t, err)
	b := make([]byte, 1024)
	n, err := conn.Read(b)
	if err != nil {
		return r, err
	}
	return decode(t, b[:n]), nil
}

func decode(t testing.TB, b []byte) reply {
	t.Helper()
	require.Len(t, b, 48)
	stamp := func(at int) truetime.Time { // rounded down
		seconds := int64(binary.BigEndian.Uint32(b[at:])) - 2_208_988_800
		return truetime.Time(seconds*1e9 + int64(binary.BigEndian.Uint32(b[at+4:]))*1e9>>32)
	}
	units := int64(binary.BigEndian.Uint32(b[4:])) + 2*int64(binary.BigEndian.Uint32(b[8:]))
	return reply{stamp(32), stamp(40), time.Duration(units*1e9>>17) + 1, b}
}

func clientRequest() []byte {
	request := make([]byte, 48)
	request[0] = 4<<3 | 3
	binary.BigEndian.PutUint64(request[40:], 0xfeed)
	return request
}

// counted waits until the counters are so: a reply is counted after it has been sent, and may have come before.
func counted(t testing.TB, server *ntpserver.Server, so func(ntpserver.Counters) bool) (c ntpserver.Counters) {
	t.Helper()
	require.Eventually(t, func() bool { c = server.Counters(); return so(c) }, 20*time.Second, time.Millisecond)
	return c
}

// answered waits until so many replies are counted.
func answered(t testing.TB, server *ntpserver.Server, n uint64) ntpserver.Counters {
	t.Helper()
	c := counted(t, server, func(c ntpserver.Counters) bool { return c.Answered >= n })
	require.Equal(t, n, c.Answered)
	return c
}

// The two facts of every reply are true, with true time at either end of the clock's interval, and
// whether the kernel's stamps are used or not.
func TestBothFactsOfAReplyAreTrue(t *testing.T) {
	w := newTruth(t)
	for name, clock := range map[string]edge{
		"true time is Earliest": {w, 0, 40 * time.Microsecond},
		"true time is Latest":   {w, 40 * time.Microsecond, 0},
		"exact":                 {w, 0, 0},
	} {
		for _, program := range []bool{false, true} {
			server := start(t, ntpserver.Config{Reader: clock, Listen: anyPort(), Upstream: ntpserver.Fixed(1, ntpserver.OwnReference), ProgramStamps: program})
			for range 500 {
				before := w.now()
				r, err := ask(t, "udp4", server.Addr()[0].String(), clientRequest())
				after := w.now()
				require.NoError(t, err)
				if r.received.Add(r.bound) < before || r.transmitted.Add(-r.bound) > after {
					t.Fatalf("%s, program stamps %v: sent at %v, received at %v, and the reply says %v and %v, ±%v", name, program, before, after, r.received, r.transmitted, r.bound)
				}
			}
			c := answered(t, server, 500)
			if program {
				require.Zero(t, c.KernelStamps)
			}
			t.Logf("%s: %d of %d with the kernel's stamp", name, c.KernelStamps, c.Answered)
		}
	}
}

// A request that has waited in the socket says so: its arrival is not told later than it was, and
// not earlier, and it is told well before it was handled.
func TestWhatARequestHasWaitedIsNoPartOfTheBound(t *testing.T) {
	w := newTruth(t)
	server, err := ntpserver.New(ntpserver.Config{Reader: edge{w, 0, 0}, Listen: anyPort(), Workers: 1, Upstream: ntpserver.Fixed(1, ntpserver.OwnReference)})
	require.NoError(t, err)
	conn, err := net.Dial("udp4", server.Addr()[0].String())
	require.NoError(t, err)
	defer conn.Close()
	sent := w.now()
	_, err = conn.Write(clientRequest())
	require.NoError(t, err)
	arrived := w.now()
	const wait = 50 * time.Millisecond
	for w.now().Sub(arrived) < wait {
		time.Sleep(time.Millisecond)
	}
	serve(t, server)
	b := make([]byte, 100)
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	n, err := conn.Read(b)
	require.NoError(t, err)
	r := decode(t, b[:n])
	require.GreaterOrEqual(t, r.received.Add(r.bound), sent)
	if answered(t, server, 1).KernelStamps == 0 {
		t.Skip("this kernel does not stamp packets, or somebody sets its clock")
	}
	// All but a fifth of the wait is known, and of a little more: the readings before and after it.
	require.Greater(t, r.transmitted.Sub(r.received), wait*7/10)
}

func TestRepliesComeFromTheAddressThatWasAsked(t *testing.T) {
	w := newTruth(t)
	config := ntpserver.Config{Reader: edge{w, 0, 0}, Upstream: ntpserver.Fixed(1, ntpserver.OwnReference), Workers: 2}
	config.Listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")}
	four := start(t, config)
	for _, address := range []string{"127.0.0.1", "127.0.0.2", "127.8.9.10"} {
		_, err := ask(t, "udp4", netip.AddrPortFrom(netip.MustParseAddr(address), four.Addr()[0].Port()).String(), clientRequest())
		require.NoError(t, err, address)
	}
	config.Listen = []netip.AddrPort{netip.MustParseAddrPort("[::]:0")}
	six, err := ntpserver.New(config)
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	serve(t, six)
	_, err = ask(t, "udp6", netip.AddrPortFrom(netip.IPv6Loopback(), six.Addr()[0].Port()).String(), clientRequest())
	require.NoError(t, err)
}

func TestRequestsThatGetNoReplyAreCounted(t *testing.T) {
	w := newTruth(t)
	server := start(t, ntpserver.Config{Reader: edge{w, 0, 0}, Listen: anyPort(), Workers: 1, Upstream: ntpserver.Fixed(1, ntpserver.OwnReference)})
	conn, err := net.Dial("udp4", server.Addr()[0].String())
	require.NoError(t, err)
	defer conn.Close()
	long := append(clientRequest(), make([]byte, 1000)...)
	mode6 := clientRequest()
	mode6[0] = 4<<3 | 6
	version2 := clientRequest()
	version2[0] = 2<<3 | 3
	for _, request := range [][]byte{{}, {1}, clientRequest()[:47], mode6, version2, long, clientRequest()} {
		_, err := conn.Write(request)
		require.NoError(t, err)
	}
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	b := make([]byte, 2000)
	for range 2 {
		n, err := conn.Read(b)
		require.NoError(t, err)
		require.Equal(t, 48, n)
	}
	c := answered(t, server, 2)
	require.EqualValues(t, 7, c.Received)
	require.EqualValues(t, 3, c.Dropped[ntpserver.TooShort])
	require.EqualValues(t, 1, c.Dropped[ntpserver.NotAClient])
	require.EqualValues(t, 1, c.Dropped[ntpserver.UnknownVersion])
}

func TestAClientBeyondTheLimitIsToldSo(t *testing.T) {
	w := newTruth(t)
	server := start(t, ntpserver.Config{
		Reader: edge{w, 0, 0}, Listen: anyPort(), Workers: 1, Upstream: ntpserver.Fixed(1, ntpserver.OwnReference),
		Limit: &ntpserver.Limit{PerSecond: 0.001, Burst: 2, IPv4Bits: 32, IPv6Bits: 64},
	})
	conn, err := net.Dial("udp4", server.Addr()[0].String())
	require.NoError(t, err)
	defer conn.Close()
	kisses := 0
	require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	b := make([]byte, 100)
	for kisses == 0 { // one in eight is one
		for range 8 {
			_, err := conn.Write(clientRequest())
			require.NoError(t, err)
		}
		n, err := conn.Read(b)
		if errors.Is(err, net.ErrClosed) {
			require.NoError(t, err)
		}
		if n == 48 && b[1] == 0 {
			require.Equal(t, "RATE", string(b[12:16]))
			require.Equal(t, byte(10), b[2], "2¹⁰ s is the first poll interval of less than one request in 1000 s")
			kisses++
		}
		require.NoError(t, err)
	}
	counted(t, server, func(c ntpserver.Counters) bool { return c.Kissed > 0 && c.Dropped[ntpserver.RateLimited] > 0 })
}

func TestAPortThatIsTakenIsRefused(t *testing.T) {
	w := newTruth(t)
	config := ntpserver.Config{Reader: edge{w, 0, 0}, Listen: anyPort(), Upstream: ntpserver.Fixed(1, ntpserver.OwnReference), Workers: 3}
	first, err := ntpserver.New(config)
	require.NoError(t, err)
	defer first.Close()
	// Also while the first shares it among its own workers.
	config.Listen = first.Addr()
	_, err = ntpserver.New(config)
	require.ErrorContains(t, err, "another NTP server has this port: stop it, or listen at another port or address")
	first.Close()
	second, err := ntpserver.New(config)
	require.NoError(t, err)
	second.Close()

	config.Listen = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.77:0"), netip.MustParseAddrPort("[fe80::1%nowhere]:0")}
	_, err = ntpserver.New(config)
	require.ErrorContains(t, err, "listen at 192.0.2.77:0: bind: cannot assign requested address; no interface of this host has the address")
	require.ErrorContains(t, err, `the zone "nowhere"`)
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := ntpserver.New(ntpserver.Config{
		Listen:   []netip.AddrPort{{}, netip.MustParseAddrPort("224.0.1.1:123"), netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:1")},
		Scale:    ntpserver.ScaleStepped,
		Limit:    &ntpserver.Limit{IPv4Bits: 33},
		Workers:  65,
		DriftPPM: -1,
	})
	for _, want := range []string{
		"Reader is nil", "Upstream is nil", "is not valid", "224.0.1.1:123: it is not the address of one host", "127.0.0.1:1: it is there twice",
		"UTC with steps cannot be served", "limit of 0 requests per second", "burst of 0 requests", "33 bits of an IPv4 address", "0 bits of an IPv6 address",
		"65 workers", "drift of -1 ppm",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "\n")
	var none *truetime.Clock
	_, err = ntpserver.New(ntpserver.Config{Reader: none, Scale: 7})
	require.ErrorContains(t, err, "Reader is nil")
	require.ErrorContains(t, err, "no address to listen at")
	require.ErrorContains(t, err, "scale 7")
}

func TestServeIsCalledOnce(t *testing.T) {
	w := newTruth(t)
	server := start(t, ntpserver.Config{Reader: edge{w, 0, 0}, Listen: anyPort(), Upstream: ntpserver.Fixed(1, ntpserver.OwnReference)})
	_, err := ask(t, "udp4", server.Addr()[0].String(), clientRequest())
	require.NoError(t, err)
	require.ErrorContains(t, server.Serve(t.Context()), "Serve was called before")
	_, err = ask(t, "udp4", server.Addr()[0].String(), clientRequest())
	require.NoError(t, err, "it goes on")
}

// flood is a clock that has as many requests waiting after each batch as one batch takes.
type flood struct {
	truth
	conn net.Conn
}

func (f *flood) Now() (truetime.Interval, error) {
	if f.conn != nil {
		for range 16 {
			_, _ = f.conn.Write(clientRequest())
		}
	}
	now := f.now()
	return truetime.Interval{Earliest: now, Latest: now}, nil
}

func TestAServerThatHasMoreRequestsThanItCanAnswerStops(t *testing.T) {
	clock := &flood{truth: newTruth(t)}
	server, err := ntpserver.New(ntpserver.Config{Reader: clock, Listen: anyPort(), Workers: 1, Upstream: ntpserver.Fixed(1, ntpserver.OwnReference)})
	require.NoError(t, err)
	clock.conn, err = net.Dial("udp4", server.Addr()[0].String())
	require.NoError(t, err)
	_, err = clock.Now() // the first 16
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	require.Eventually(t, func() bool { return server.Counters().Received > 100 }, 20*time.Second, time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		clock.conn.Close() // which ends the flood
		t.Fatal("it does not stop")
	}
	clock.conn.Close()
}
