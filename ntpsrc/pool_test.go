package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// poolBed is a name whose addresses are servers on loopback, all with one port.
type poolBed struct {
	roster  *roster
	sources []truetime.Source
	servers map[netip.Addr]*ntptest.Server
	answer  []netip.Addr // of the name server
	fail    error
	lookups int
	time    time.Time
	counter monotonic.Counter
}

// newPoolBed starts servers at 127.0.0.first and up, and takes n of them.
func newPoolBed(t *testing.T, servers, n int) *poolBed {
	t.Helper()
	b := &poolBed{servers: map[netip.Addr]*ntptest.Server{}, time: time.Now(), counter: system(t)}
	port := ""
	for i := range servers {
		ip := netip.AddrFrom4([4]byte{127, 0, 9, byte(i + 1)})
		port = b.start(t, ip, port)
		b.answer = append(b.answer, ip)
	}
	b.sources = Pool("pool.example.net:"+port, n)
	b.watch()
	return b
}

// start starts a server at an address and a port, "" for any, and returns the port.
func (b *poolBed) start(t *testing.T, ip netip.Addr, port string) string {
	t.Helper()
	s, port, err := startAtPort(ip.String(), port, ntptest.Behavior{Dispersion: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	b.servers[ip] = s
	return port
}

// watch has the name looked up in the bed's answer, and counts that.
func (b *poolBed) watch() {
	b.roster = b.sources[0].(*server).place.roster
	b.roster.now = func() time.Time { return b.time }
	b.roster.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		b.lookups++
		return append([]netip.Addr(nil), b.answer...), b.fail
	}
}

// startAtPort starts a server at an address, and returns its port. The first of several that have
// the same one at different addresses is given "", and chooses a port below those that systems give
// to clients (32768 on Linux, 49152 elsewhere), so that no client has it at another address.
func startAtPort(address, port string, b ntptest.Behavior) (s *ntptest.Server, at string, err error) {
	if port != "" {
		s, err = ntptest.Listen(net.JoinHostPort(address, port), b)
		return s, port, err
	}
	const lowest, highest, attempts = 20000, 32767, 100 // as in package testing/ports, which has no server to try them with
	for range attempts {
		at = strconv.Itoa(lowest + rand.IntN(highest-lowest+1))
		if s, err = ntptest.Listen(net.JoinHostPort(address, at), b); err == nil {
			return s, at, nil
		}
	}
	return nil, "", err
}

// ask polls a source once, for a clock that uses every answer, and returns who has its place then.
func (b *poolBed) ask(t *testing.T, i int) (netip.Addr, error) {
	t.Helper()
	return b.askAs(t, i, truetime.PollInfo{Verdict: truetime.Truechimer})
}

// askAs does so for a clock that says what it makes of the polls before.
func (b *poolBed) askAs(t *testing.T, i int, info truetime.PollInfo) (netip.Addr, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(truetime.ContextWithPollInfo(t.Context(), info), time.Minute)
	defer cancel()
	_, err := b.sources[i].Sample(ctx, b.counter)
	return b.has(i), err
}

// has returns who has the place of a source.
func (b *poolBed) has(i int) netip.Addr { return b.sources[i].(*server).place.server.at }

// kill ends servers: whoever asks them is told at once that nobody listens.
func (b *poolBed) kill(t *testing.T, servers ...netip.Addr) {
	t.Helper()
	for _, a := range servers {
		require.NoError(t, b.servers[a].Close())
	}
}

// revive starts a server again that was killed.
func (b *poolBed) revive(t *testing.T, a netip.Addr) {
	t.Helper()
	_, port, _ := net.SplitHostPort(b.servers[a].Address())
	b.start(t, a, port)
}

func TestEverySourceOfAPoolAsksAnotherServer(t *testing.T) {
	b := newPoolBed(t, 4, 4)
	asked := map[netip.Addr]bool{}
	for i := range b.sources {
		a, err := b.ask(t, i)
		require.NoError(t, err)
		asked[a] = true
		require.Equal(t, fmt.Sprintf("pool.example.net:%d#%d", b.sources[i].(*server).place.port, i+1), b.sources[i].Info().Name)
	}
	require.Len(t, asked, 4)
	require.Equal(t, 1, b.lookups)
}

func TestPoolKeepsItsServersWhateverBecomesOfTheName(t *testing.T) {
	b := newPoolBed(t, 2, 2)
	for i := range 2 {
		_, err := b.ask(t, i)
		require.NoError(t, err)
	}
	b.answer, b.fail = nil, errors.New("no such host")
	for range 3 {
		b.time = b.time.Add(24 * time.Hour)
		for i := range 2 {
			_, err := b.ask(t, i)
			require.NoError(t, err)
		}
	}
	require.Equal(t, 1, b.lookups, "there is nothing to look up")
}

func TestPoolResolvesLessAndLessOften(t *testing.T) {
	b := newPoolBed(t, 1, 3)
	_, err := b.ask(t, 0)
	require.NoError(t, err)
	for range 100 {
		_, err := b.ask(t, 1)
		require.ErrorContains(t, err, "has no more servers: of 1 addresses 1 are in use")
	}
	require.Equal(t, 1, b.lookups)
	for range 24 * 60 {
		b.time = b.time.Add(time.Minute)
		b.ask(t, 1)
		b.ask(t, 2)
	}
	require.Greater(t, b.lookups, 24*4)
	require.Less(t, b.lookups, 24*4+10, "1, 2, 4 … minutes, then every quarter of an hour")

	b.answer = append(b.answer, netip.MustParseAddr("127.0.9.99"))
	b.time = b.time.Add(time.Hour)
	_, err = b.ask(t, 1)
	require.ErrorContains(t, err, "127.0.9.99")
}

// A machine may start before its network does.
func TestPoolWithoutAnyServerResolvesEveryFewSeconds(t *testing.T) {
	b := newPoolBed(t, 1, 1)
	b.fail = errors.New("no network")
	for turn := range 20 {
		for range 3 {
			_, err := b.ask(t, 0)
			require.ErrorIs(t, err, b.fail, "every poll says why there is nobody to ask")
		}
		require.Equal(t, turn+1, b.lookups)
		b.time = b.time.Add(resolveSoon)
	}
	b.fail = nil
	_, err := b.ask(t, 0)
	require.NoError(t, err)
}

func TestPoolRefusesAnAnswerOfAbsurdSize(t *testing.T) {
	b := newPoolBed(t, 1, 1)
	b.answer = make([]netip.Addr, maxAddresses+1)
	_, err := b.ask(t, 0)
	require.ErrorContains(t, err, "257 addresses: more than 256 are refused")
}

func TestPoolTakesNoAddressTwice(t *testing.T) {
	b := newPoolBed(t, 1, 2)
	b.answer = append(b.answer, b.answer[0], netip.AddrFrom16(b.answer[0].As16()))
	_, err := b.ask(t, 0)
	require.NoError(t, err)
	_, err = b.ask(t, 1)
	require.ErrorContains(t, err, "no more servers")
}

func TestMistakesInAPoolAreReportedOnce(t *testing.T) {
	for want, sources := range map[string][]truetime.Source{
		"is one address":          Pool("192.0.2.1", 4),
		"of 0 servers":            Pool("pool.example.net", 0),
		"of 65 servers":           Pool("pool.example.net", 65),
		"the address is empty":    Pool("", 4),
		"maximum delay of -1s":    Pool("pool.example.net", 4, WithMaxDelay(-time.Second)),
		"neither host, host:port": Pool("a:b:c", 1),
	} {
		_, err := truetime.New(sources)
		require.ErrorContains(t, err, want)
		require.Equal(t, 1, strings.Count(err.Error(), want), "%v", err)
	}
}

// In a running clock: the pool's liar is found out and replaced, and its successor begins with a
// clean slate.
func TestClockReplacesTheLiarOfItsPool(t *testing.T) {
	b := newPoolBed(t, 5, 4)
	liar := b.answer[0]
	b.servers[liar].Set(ntptest.Behavior{Offset: time.Second, Dispersion: time.Millisecond})
	clock, err := truetime.New(b.sources, truetime.WithPoll(10*time.Millisecond, 20*time.Millisecond))
	require.NoError(t, err)
	defer clock.Close()
	require.Eventually(t, func() bool {
		for _, s := range clock.Status().Sources {
			if s.Verdict != truetime.Truechimer {
				return false
			}
		}
		return true
	}, 30*time.Second, 10*time.Millisecond, "four of four are right in the end")
	require.NoError(t, clock.Close())
	for _, s := range b.sources {
		require.NotEqual(t, liar, s.(*server).place.server.at)
	}
	require.EqualValues(t, 1, clock.Status().Epoch)
}

// A source may serve two clocks. While one of them replaces a server the other may be asking it.
func TestPoolServesTwoClocksAtOnce(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	for _, s := range b.servers {
		s.Set(ntptest.Behavior{Kiss: "DENY"})
	}
	ctx := truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{Verdict: truetime.Falseticker})
	var clocks sync.WaitGroup
	for range 2 {
		clocks.Go(func() {
			for range 100 {
				_, err := b.sources[0].Sample(ctx, b.counter)
				assert.Error(t, err)
			}
		})
	}
	clocks.Wait()
	b.roster.mu.Lock()
	defer b.roster.mu.Unlock()
	require.LessOrEqual(t, len(b.roster.taken), 1, "and no server is lost")
}
