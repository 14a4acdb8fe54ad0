package ntpsrc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/truetime"
)

func addressesOf(texts ...string) (all []netip.AddrPort) {
	for _, t := range texts {
		all = append(all, netip.MustParseAddrPort(t))
	}
	return all
}

func TestAddressesAreDialedUntilOneAnswers(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	var dialed atomic.Int32
	conn, err := dialFirst(t.Context(), addressesOf("[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1", "192.0.2.3:1"), func(ctx context.Context, _, to string) (net.Conn, error) {
		dialed.Add(1)
		switch to {
		case "192.0.2.2:1":
			return near, nil
		case "192.0.2.1:1":
			return nil, errors.New("refused")
		}
		<-ctx.Done() // packets vanish
		return nil, ctx.Err()
	})
	require.NoError(t, err)
	require.Equal(t, near, conn)
	require.EqualValues(t, 4, dialed.Load())
}

func TestDialingEndsWithItsContextAndClosesWhatComesTooLate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	near, far := net.Pipe()
	_, err := dialFirst(ctx, addressesOf("192.0.2.1:1"), func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)

	// The first one fails, and the second connects in spite of it: the third is slower.
	late := make(chan struct{})
	conn, err := dialFirst(t.Context(), addressesOf("192.0.2.1:1", "192.0.2.2:1"), func(ctx context.Context, _, to string) (net.Conn, error) {
		if to == "192.0.2.2:1" {
			return near, nil
		}
		<-ctx.Done()
		close(late)
		spare, other := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, other) }() // ends when the spare one is closed
		return spare, nil
	})
	require.NoError(t, err)
	require.Equal(t, near, conn)
	<-late
	require.NoError(t, far.Close())
}

func TestDialingSaysWhyNobodyAnswers(t *testing.T) {
	_, err := dialFirst(t.Context(), addressesOf("192.0.2.1:1", "192.0.2.2:1"), func(_ context.Context, _, to string) (net.Conn, error) {
		return nil, errors.New("refused by " + to)
	})
	require.ErrorContains(t, err, "refused by 192.0.2.2:1")
}

// dualWorld is a world whose server has a name and is also reached by TCP at ::1, where no NTP is
// served.
func dualWorld(t *testing.T) *world {
	t.Helper()
	authority := testbed.NewAuthority(t)
	certificate := authority.Issue("ntp.example.net", time.Now().Add(time.Hour))
	server, err := ntstest.Start(&tls.Config{Certificates: []tls.Certificate{certificate}}, ntstest.Behavior{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ := net.SplitHostPort(server.KeyExchange())
	forward(t, net.JoinHostPort("::1", port), server.KeyExchange())
	source := NTS("ntp.example.net:"+port, WithTLSConfig(authority.ClientConfig())).(*secured)
	require.NoError(t, source.Info().Err)
	source.keys.own.roster.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")}, nil
	}
	return &world{t, server, source, &leaping{Counter: system(t)}}
}

// forward passes connections on, until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Skip("this machine has no IPv6 loopback, or something else has the port there:", err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		running.Wait()
	})
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return // closed
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			running.Go(func() {
				_, _ = io.Copy(far, near)
				_ = far.Close()
			})
			running.Go(func() {
				_, _ = io.Copy(near, far)
				_ = near.Close()
			})
		}
	})
}

// NTP is blocked for one kind of address, and TCP is not.
func TestNTSAsksTheOtherAddressOfItsNameWhereNTPIsNotAnswered(t *testing.T) {
	w := dualWorld(t)
	_, err := w.ask()
	require.ErrorContains(t, err, "[::1]:")
	sample, err := w.ask()
	require.NoError(t, err)
	require.Contains(t, sample.Peer, "127.0.0.1:")
	require.Equal(t, 1, w.server.Exchanges(), "with the same keys")

	// What is known of the addresses outlives the keys.
	for w.cookies() > 0 {
		_, ok := w.source.keys.current.association.Request()
		require.True(t, ok)
	}
	w.counter.leap(time.Minute)
	_, err = w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges())
}

func TestNTSAsksTheOtherAddressOfItsNameWhereItsAnswersAreNotUsed(t *testing.T) {
	w := dualWorld(t)
	_, err := w.ask()
	require.Error(t, err)
	sample, err := w.ask()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{Unused: errUnused}), patience)
	defer cancel()
	_, err = w.source.Sample(ctx, w.counter)
	require.ErrorContains(t, err, "[::1]:", "the clock has another source for "+sample.Peer)
}
