package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// poolBed is a name whose addresses are servers on loopback, all with one port.
type poolBed struct {
	pool    *pool
	sources []truetime.Source
	servers map[netip.Addr]*ntpserver.Server
	answer  []netip.Addr // of the name server
	fail    error
	lookups int
	time    time.Time
	counter monotonic.Counter
}

// newPoolBed starts servers at 127.0.0.first and up, and takes n of them.
func newPoolBed(t *testing.T, servers, n int) *poolBed {
	t.Helper()
	b := &poolBed{servers: map[netip.Addr]*ntpserver.Server{}, time: time.Now(), counter: system(t)}
	port := ""
	for i := range servers {
		ip := netip.AddrFrom4([4]byte{127, 0, 9, byte(i + 1)})
		if port == "" {
			s := startServerAt(t, ip.String()+":0")
			_, port, _ = net.SplitHostPort(s.Address())
			b.servers[ip] = s
		} else {
			b.servers[ip] = startServerAt(t, net.JoinHostPort(ip.String(), port))
		}
		b.answer = append(b.answer, ip)
	}
	b.sources = Pool("pool.example.net:"+port, n)
	b.pool = b.sources[0].(*member).pool
	b.pool.now = func() time.Time { return b.time }
	b.pool.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		b.lookups++
		return append([]netip.Addr(nil), b.answer...), b.fail
	}
	return b
}

func startServerAt(t *testing.T, address string) *ntpserver.Server {
	t.Helper()
	s, err := ntpserver.Start(address, ntpserver.Behavior{Dispersion: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// ask polls a source once and returns whom it asked.
func (b *poolBed) ask(t *testing.T, i int) (netip.Addr, error) {
	t.Helper()
	return b.askJudged(t, i, truetime.Undecided)
}

// askJudged asks as a clock does that thinks so of the source.
func (b *poolBed) askJudged(t *testing.T, i int, v truetime.Verdict) (netip.Addr, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{Verdict: v}), 2*time.Second)
	defer cancel()
	_, err := b.sources[i].Sample(ctx, b.counter)
	return b.sources[i].(*member).address, err
}

func TestEverySourceOfAPoolAsksAnotherServer(t *testing.T) {
	b := newPoolBed(t, 4, 4)
	asked := map[netip.Addr]bool{}
	for i := range b.sources {
		a, err := b.ask(t, i)
		require.NoError(t, err)
		asked[a] = true
		require.Equal(t, fmt.Sprintf("pool.example.net:%d#%d", b.pool.address.port, i+1), b.sources[i].Info().Name)
	}
	require.Len(t, asked, 4)
	require.Equal(t, 1, b.lookups)
}

func TestPoolReplacesAServerThatIsDead(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	first, err := b.ask(t, 0)
	require.NoError(t, err)
	require.NoError(t, b.servers[first].Close())
	for range maxBadPolls {
		a, err := b.ask(t, 0)
		require.Error(t, err)
		require.Equal(t, first, a, "it may come back")
	}
	second, err := b.ask(t, 0)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Equal(t, 1, b.lookups, "the name had more")
}

func TestPoolReplacesAServerThatLies(t *testing.T) {
	for _, v := range []truetime.Verdict{truetime.Falseticker, truetime.Convicted, truetime.Unusable} {
		b := newPoolBed(t, 2, 1)
		first, err := b.ask(t, 0)
		require.NoError(t, err)
		verdicts := slices.Repeat([]truetime.Verdict{v}, maxBadPolls-1)
		for _, v := range slices.Concat(verdicts, []truetime.Verdict{truetime.Truechimer}, verdicts) { // once right is enough
			a, err := b.askJudged(t, 0, v)
			require.NoError(t, err)
			require.Equal(t, first, a)
		}
		second, err := b.askJudged(t, 0, v)
		require.NoError(t, err)
		require.NotEqual(t, first, second)
	}
}

func TestPoolReplacesAServerThatDeniesAndTheClockGoesOnAskingThePool(t *testing.T) {
	b := newPoolBed(t, 2, 1)
	first, err := b.ask(t, 0)
	require.NoError(t, err)
	b.servers[first].Set(ntpserver.Behavior{Kiss: "DENY"})
	_, err = b.ask(t, 0)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.NotErrorIs(t, err, truetime.ErrDenied, "or the clock would never ask again")
	require.ErrorContains(t, err, "another server is asked")
	second, err := b.ask(t, 0)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestPoolKeepsItsServersWhateverBecomesOfTheName(t *testing.T) {
	b := newPoolBed(t, 2, 2)
	for i := range 2 {
		_, err := b.ask(t, i)
		require.NoError(t, err)
	}
	b.answer, b.fail = nil, errors.New("no such host")
	b.time = b.time.Add(24 * time.Hour)
	for i := range 2 {
		_, err := b.ask(t, i)
		require.NoError(t, err)
	}
	// One of them dies. The name has nobody else: it is tried again, as the only one there is.
	gone, _ := b.ask(t, 0)
	require.NoError(t, b.servers[gone].Close())
	for range maxBadPolls + 1 {
		_, err := b.ask(t, 0)
		require.Error(t, err)
	}
	a, err := b.ask(t, 0)
	require.Error(t, err)
	require.Equal(t, gone, a)
	_, err = b.ask(t, 1)
	require.NoError(t, err)
}

func TestPoolResolvesLessAndLessOften(t *testing.T) {
	b := newPoolBed(t, 1, 3)
	_, err := b.ask(t, 0)
	require.NoError(t, err)
	for range 100 {
		_, err := b.ask(t, 1)
		require.ErrorContains(t, err, "has no more servers: 1 are in use")
	}
	require.Equal(t, 1, b.lookups)
	for range 24 * 60 {
		b.time = b.time.Add(time.Minute)
		b.ask(t, 1)
		b.ask(t, 2)
	}
	require.Greater(t, b.lookups, 24)
	require.Less(t, b.lookups, 40, "1, 2, 4 … minutes, then every hour")

	b.answer = append(b.answer, netip.MustParseAddr("127.0.9.99"))
	b.time = b.time.Add(time.Hour)
	b.ask(t, 1)
	require.Equal(t, netip.MustParseAddr("127.0.9.99"), b.sources[1].(*member).address)
}

// A machine that starts before its network does is not kept waiting for longer than a minute.
func TestPoolWithoutAnyServerResolvesEveryMinute(t *testing.T) {
	b := newPoolBed(t, 1, 1)
	b.fail = errors.New("no network")
	for minute := range 20 {
		for range 3 {
			_, err := b.ask(t, 0)
			require.ErrorIs(t, err, b.fail, "every poll says why there is nobody to ask")
		}
		require.Equal(t, minute+1, b.lookups)
		b.time = b.time.Add(resolveAfter)
	}
	b.fail = nil
	_, err := b.ask(t, 0)
	require.NoError(t, err)
}

// A look-up that takes longer than the first poll may is tried again with the next, which has more time.
func TestPoolResolvesAgainWhereAPollEndedFirst(t *testing.T) {
	b := newPoolBed(t, 1, 1)
	quick := b.pool.lookup
	b.pool.lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.pool.take(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.pool.resolve(ctx), context.Canceled)
	b.pool.lookup = quick
	_, err = b.ask(t, 0)
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

func TestMistakesInAPoolAreReported(t *testing.T) {
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
	}
}

// In a running clock: the pool's liar is found out and replaced, and its successor begins with a clean slate.
func TestClockReplacesTheLiarOfItsPool(t *testing.T) {
	b := newPoolBed(t, 5, 4)
	liar := b.answer[0]
	b.servers[liar].Set(ntpserver.Behavior{Offset: time.Second, Dispersion: time.Millisecond})
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
		require.NotEqual(t, liar, s.(*member).address)
	}
	require.EqualValues(t, 1, clock.Status().Epoch)
}

// A source may serve two clocks. While one of them replaces a server the other may be asking it.
func TestPoolServesTwoClocksAtOnce(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	for _, s := range b.servers {
		s.Set(ntpserver.Behavior{Kiss: "DENY"})
	}
	m := b.sources[0].(*member)
	var clocks sync.WaitGroup
	for range 2 {
		clocks.Go(func() {
			for range 100 {
				_, err := m.Sample(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{Verdict: truetime.Falseticker}), b.counter)
				assert.Error(t, err)
			}
		})
	}
	clocks.Wait()
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	require.LessOrEqual(t, len(b.pool.taken), 1, "and no server is lost")
}
