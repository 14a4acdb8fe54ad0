//go:build linux

package testbed

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// listener is a UDP server that keeps what it hears and says nothing.
type listener struct{ conn *net.UDPConn }

func listen(t *testing.T) listener {
	conn, err := net.ListenUDP("udp4", loopback(0))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return listener{conn}
}

// hear returns the next n datagrams.
func (l listener) hear(t *testing.T, n int) (all [][]byte) {
	buffer := make([]byte, datagramMax)
	for range n {
		require.NoError(t, l.conn.SetReadDeadline(time.Now().Add(2*time.Minute)))
		size, err := l.conn.Read(buffer)
		require.NoError(t, err, "after %d of %d datagrams", len(all), n)
		all = append(all, slices.Clone(buffer[:size]))
	}
	return all
}

func talk(t *testing.T, r *Relay) net.Conn {
	conn, err := net.Dial("udp4", r.Address())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// settled waits until n datagrams of the way there have been received and dealt with.
func settled(t *testing.T, r *Relay, n int) PathCounts {
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		c, _ := r.Counts()
		if c.Received == n && c.Sent == n-c.Lost+c.Duplicated {
			return c
		}
		require.True(t, time.Now().Before(deadline), "after %d datagrams: %+v", n, c)
	}
}

const relayed = 2000

// pour sends numbered datagrams, a few at a time, so that no socket's queue overflows.
func pour(t *testing.T, r *Relay, l listener, n int) (heard []uint64, counts PathCounts) {
	conn := talk(t, r)
	for sent := 0; sent < n; {
		before := counts.Sent
		for range 50 {
			_, err := conn.Write(binary.BigEndian.AppendUint64(nil, uint64(sent)))
			require.NoError(t, err)
			sent++
		}
		counts = settled(t, r, sent)
		for _, datagram := range l.hear(t, counts.Sent-before) {
			heard = append(heard, binary.BigEndian.Uint64(datagram))
		}
	}
	return heard, counts
}

func TestRelayPassesEverythingOnBothWays(t *testing.T) {
	l := listen(t)
	r := StartRelay(t, 1, l.conn.LocalAddr().String(), Path{}, Path{})
	heard, counts := pour(t, r, l, relayed)
	for i, number := range heard {
		require.EqualValues(t, i, number, "in order")
	}
	require.Equal(t, PathCounts{Received: relayed, Sent: relayed}, counts)

	server := StartChronyd(t)
	r = StartRelay(t, 1, server.Address(), Path{}, Path{})
	for range exchangesPerTest {
		_, err := ask(r.Address(), patience)
		require.NoError(t, err)
	}
	there, back := r.Counts()
	require.Equal(t, exchangesPerTest, there.Sent)
	require.Equal(t, exchangesPerTest, back.Sent)
}

func TestRelayDoesWhatItsPathSaysAndCountsIt(t *testing.T) {
	const share = 0.2
	within := func(n int) { // 7 standard deviations of a binomial distribution
		t.Helper()
		require.InDelta(t, share*relayed, n, 125)
	}
	l := listen(t)
	start := func(p Path) *Relay { return StartRelay(t, 7, l.conn.LocalAddr().String(), p, Path{}) }

	heard, counts := pour(t, start(Path{Loss: share}), l, relayed)
	within(counts.Lost)
	require.Len(t, heard, relayed-counts.Lost)

	heard, counts = pour(t, start(Path{Duplicate: share}), l, relayed)
	within(counts.Duplicated)
	slices.Sort(heard)
	require.Len(t, slices.Compact(heard), relayed, "each came")

	heard, counts = pour(t, start(Path{Reorder: share, HoldBack: 20 * time.Millisecond}), l, relayed)
	held := 0
	for i, number := range heard {
		if i > 0 && number < slices.Max(heard[:i]) {
			held++
		}
	}
	require.Equal(t, counts.Overtaken, held)
	// Of the 400 held back those at the end of a batch have nobody to overtake them.
	require.Greater(t, held, int(share*relayed/2))

	heard, counts = pour(t, start(Path{Corrupt: share, FlipBits: 3}), l, relayed)
	within(counts.Corrupted)
	flipped := map[int]int{}
	seen := map[uint64]bool{}
	for _, number := range heard {
		seen[number] = true
	}
	for i := range uint64(relayed) {
		if !seen[i] {
			flipped[0]++ // it came as something else
		}
	}
	require.InDelta(t, counts.Corrupted, flipped[0], 20, "three bits can turn one number into another that was sent")
}

func TestRelayInvertsSoManyBits(t *testing.T) {
	for flips, want := range map[int]int{0: 1, 1: 1, 5: 5, 64: 64, 100: 64} {
		p := Path{Corrupt: 1, FlipBits: flips}
		f := p.draw(rand.New(rand.NewPCG(1, 2)), 64)
		require.Len(t, f.flips, want)
		var number uint64
		for _, bit := range f.flips {
			number |= 1 << bit
		}
		require.Equal(t, want, bits.OnesCount64(number), "each at a place of its own")
	}
	require.Empty(t, Path{Corrupt: 1}.draw(rand.New(rand.NewPCG(1, 2)), 0).flips, "of an empty datagram")
}

func TestHeldBackDatagramsWaitLonger(t *testing.T) {
	for _, c := range []struct {
		path Path
		want time.Duration
	}{
		{Path{Reorder: 1}, time.Millisecond},
		{Path{Reorder: 1, Delay: 20 * time.Millisecond}, 61 * time.Millisecond},
		{Path{Reorder: 1, Delay: 20 * time.Millisecond, HoldBack: time.Second}, 1020 * time.Millisecond},
		{Path{Delay: 20 * time.Millisecond, HoldBack: time.Second}, 20 * time.Millisecond},
	} {
		f := c.path.draw(rand.New(rand.NewPCG(1, 2)), 64)
		require.Equal(t, []time.Duration{c.want}, f.delays, "%+v", c.path)
	}
}

func TestRelayDelaysEachWayByAtLeastItsDelay(t *testing.T) {
	server := StartChronyd(t)
	for _, c := range []struct{ there, back time.Duration }{
		{20 * time.Millisecond, 0}, {0, 20 * time.Millisecond}, {100 * time.Microsecond, time.Millisecond},
	} {
		r := StartRelay(t, 1, server.Address(), Path{Delay: c.there}, Path{Delay: c.back})
		for range 20 {
			e, err := ask(r.Address(), patience)
			require.NoError(t, err)
			// T2 and T3 may be wrong by the noise below chronyd's precision, which it claims.
			require.GreaterOrEqual(t, time.Duration(e.receive-e.before), c.there-e.claim(), "%v", e)
			require.GreaterOrEqual(t, time.Duration(e.after-e.transmit), c.back-e.claim(), "%v", e)
		}
	}
}

func TestOneSeedGivesTheSameFatesWhateverTheyAre(t *testing.T) {
	random := func() *rand.Rand { return rand.New(rand.NewPCG(42, 1)) }
	all := Path{Jitter: time.Second, Loss: 0.3, Duplicate: 0.3, Reorder: 0.3, HoldBack: time.Hour, Corrupt: 0.3, FlipBits: 4}
	noLoss := all
	noLoss.Loss = 0
	a, b, c := random(), random(), random()
	lost := 0
	for range 1000 {
		first, second, third := all.draw(a, 384), all.draw(b, 384), noLoss.draw(c, 384)
		require.Equal(t, first, second)
		require.Equal(t, first.delays, third.delays, "one option does not move the others")
		if first.lost {
			lost++
		}
	}
	require.InDelta(t, 300, lost, 100)
}

// What becomes of the nth datagram follows from the seed, also where relays are started together.
func TestRelaysOfOneSeedDoTheSame(t *testing.T) {
	l := listen(t)
	path := Path{Loss: 0.3, Duplicate: 0.3, Corrupt: 0.3}
	hear := func(seed uint64, relays int) []uint64 {
		var addresses []string
		for range relays {
			addresses = append(addresses, l.conn.LocalAddr().String())
		}
		started := StartRelays(t, seed, addresses, path, Path{})
		heard, _ := pour(t, started[relays-1], l, 200)
		return heard
	}
	first := hear(11, 1)
	require.Equal(t, first, hear(11, 1))
	require.Equal(t, first, hear(9, 3), "the third of them has the seed 11")
	require.NotEqual(t, first, hear(12, 1))
}

func TestRelayEndsWithEverythingUnderWay(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := listen(t)
	r := StartRelay(t, 1, l.conn.LocalAddr().String(), Path{Delay: time.Hour}, Path{})
	for range 10 {
		_, err := talk(t, r).Write([]byte("never to arrive"))
		require.NoError(t, err)
	}
	for c, _ := r.Counts(); c.Received < 10; c, _ = r.Counts() {
		time.Sleep(time.Millisecond)
	}
	r.Close()
	r.Close()
	there, _ := r.Counts()
	require.Zero(t, there.Sent)
}

func TestRelayForgetsTheOldestClients(t *testing.T) {
	l := listen(t)
	r := StartRelay(t, 1, l.conn.LocalAddr().String(), Path{}, Path{})
	for range flowsMax + 50 {
		_, err := talk(t, r).Write([]byte("x"))
		require.NoError(t, err)
		l.hear(t, 1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.flows, flowsMax)
	require.Len(t, r.oldest, flowsMax)
}

// A server that is away for a while is no reason to forget the client.
func TestRelaySurvivesAServerThatIsAway(t *testing.T) {
	server := StartChronyd(t)
	r := StartRelay(t, 1, server.Address(), Path{}, Path{})
	server.Stop()
	conn := talk(t, r)
	request := make([]byte, packetLength)
	request[0] = clientRequest
	_, err := conn.Write(request)
	require.NoError(t, err)
	settled(t, r, 1)
	server.Restart() // long after the news that nobody listens
	_, err = conn.Write(request)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*time.Minute)))
	_, err = conn.Read(request)
	require.NoError(t, err)
}
