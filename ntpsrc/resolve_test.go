package ntpsrc

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/ntpserver"
)

// Name servers rotate the addresses of a name from answer to answer. Whatever the order, after an
// address has failed it is another one's turn.
func TestEveryAddressOfANameIsTriedThoughTheNameServerRotatesThem(t *testing.T) {
	a, b, c := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.2"), netip.MustParseAddr("::1")
	rotated := [][]netip.Addr{{a, b, c}, {b, c, a}, {c, a, b}}
	require.Equal(t, b.Unmap(), next([]netip.Addr{b, a}, netip.Addr{}), "the first of the answer, to begin with")
	var failed netip.Addr
	tried := map[netip.Addr]bool{}
	for turn := range 3 {
		failed = next(append([]netip.Addr(nil), rotated[turn]...), failed)
		tried[failed] = true
	}
	require.Len(t, tried, 3)
	require.Equal(t, a, next([]netip.Addr{a}, a), "the only one there is")
}

// A source may serve two clocks. One of them waits for a look-up; the other's context still ends its
// poll.
func TestContextEndsTheWaitForAnotherLookUp(t *testing.T) {
	target := newTarget(address{host: "example.invalid", port: 123})
	target.busy <- struct{}{} // somebody is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := target.resolve(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNameIsLookedUpAgainAfterItsAddressWasGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	target := newTarget(address{host: "localhost", port: 123})
	for range 3 {
		_, err := target.resolve(ctx)
		require.NoError(t, err)
		target.giveUp()
		require.False(t, target.chosen.IsValid())
	}
}

// A context that ends between the checks of it is not missed.
func TestContextThatEndsWhileTheSocketIsOpenedEndsThePoll(t *testing.T) {
	s := startServer(t, ntpserver.Behavior{Silent: true})
	source := Server(s.Address()).(*server)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() { close(ended) })
	begun := time.Now()
	_, err := source.ask(ctx, system(t), netip.MustParseAddrPort(s.Address()), func(to netip.AddrPort) (socket, error) {
		socket, err := source.open(to)
		cancel()
		<-ended
		return socket, err
	}, nil)
	require.Error(t, err)
	require.Less(t, time.Since(begun), maxExchange, "and not by the limit of an exchange")
}
