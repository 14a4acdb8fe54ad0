package ntpsrc

import (
	"context"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
)

// A clock asks a source that does not answer every 64 s while it has no answer, every 256 s
// otherwise.
const pollOfASilentSource = 64 * time.Second

// endure polls for as long as an outage lasts.
func (w *world) endure(t *testing.T, outage time.Duration, poll func() error) {
	t.Helper()
	for down := time.Duration(0); down < outage; down += pollOfASilentSource {
		require.Error(t, poll())
		w.counter.leap(pollOfASilentSource)
	}
}

// back polls until the source answers, and returns how long that took.
func (w *world) back(t *testing.T) time.Duration {
	t.Helper()
	for since := time.Duration(0); since < 2*time.Hour; since += pollOfASilentSource {
		if _, err := w.ask(); err == nil {
			return since
		}
		w.counter.leap(pollOfASilentSource)
	}
	t.Fatal("the source does not come back")
	return 0
}

func (w *world) askForError() error {
	_, err := w.ask()
	return err
}

func TestNTSIsBackWithTheFirstPollAfterNobodyListened(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	there := w.source.keys.address
	w.source.keys.address.port = uint16(testbed.HoldTCP(t))
	w.endure(t, 3*time.Hour, w.askForError)
	require.ErrorContains(t, w.askForError(), "nothing listens at this TCP port")
	w.source.keys.address = there
	w.counter.leap(pollOfASilentSource)
	require.Zero(t, w.back(t))
	require.Equal(t, 1, w.server.Exchanges())
}

// No route: nothing was sent, so that no cookie is spent, and the keys are as good as they were.
func TestNTSKeepsItsCookiesWhileNothingCanBeSent(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	for name, connect := range map[string]func(netip.AddrPort) (socket, error){
		"connecting fails": func(netip.AddrPort) (socket, error) { return nil, os.NewSyscallError("connect", syscall.ENETUNREACH) },
		"sending fails":    func(netip.AddrPort) (socket, error) { return unsendable{}, nil },
	} {
		w.source.connect = connect
		w.endure(t, 3*time.Hour, w.askForError)
		require.Equal(t, 8, w.cookies(), name)
		w.source.connect = w.source.open
		require.Zero(t, w.back(t), name)
	}
	require.Equal(t, 1, w.server.Exchanges())
	require.Zero(t, w.server.Forged())
}

// unsendable is a socket over which nothing can be sent.
type unsendable struct{ socket }

func (unsendable) send([]byte) error { return os.NewSyscallError("write", syscall.EPERM) }
func (unsendable) close() error      { return nil }

// The key exchange works and NTP is filtered: each poll costs a cookie, and keys are exchanged for
// more of them.
func TestNTSIsBackSoonAfterItsRequestsWereDropped(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Edit: silent})
	w.endure(t, 3*time.Hour, func() error { return w.askUntil(0) })
	require.Less(t, w.server.Exchanges(), 30)
	w.server.Set(ntstest.Behavior{})
	require.LessOrEqual(t, w.back(t), 5*time.Minute)
}

// A server that refuses each exchange is spared, and yet asked again soon after it has been mended.
func TestNTSIsBackSoonAfterKeyExchangesFailed(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Answer: func([]byte) []byte { return ntstest.Record(1<<15|2, []byte{0, 2}) }})
	w.endure(t, 6*time.Hour, w.askForError)
	require.Less(t, w.server.Exchanges(), 60, "in six hours")
	w.server.Set(ntstest.Behavior{})
	require.LessOrEqual(t, w.back(t), 9*time.Minute)
}

func TestFailedKeyExchangesCountHalfAfterAnHour(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	k := &w.source.keys
	for range 8 {
		for k.begin(w.counter.Now()) != 0 {
			w.counter.leap(time.Second)
		}
	}
	failed := k.barrenAt(k.last)
	require.Greater(t, failed, 6.0)
	require.InDelta(t, failed/2, k.barrenAt(k.last.Add(time.Hour)), 1e-9)
	require.InDelta(t, failed/4, k.barrenAt(k.last.Add(2*time.Hour)), 1e-9)
	require.InDelta(t, 10, keyExchangePauseAfter(k.barrenAt(k.last.Add(24*time.Hour))).Seconds(), 1e-9, "forgotten")
}

// What has cost no server anything is told from what has.
func TestKeyExchangeThatReachedNobodyIsKnown(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Answer: func([]byte) []byte { return nil }})
	exchange := func(ctx context.Context, address string) error {
		parsed, err := parseAddress(address)
		require.NoError(t, err)
		k := newKeys(parsed, w.source.keys.config, false)
		_, err = k.exchange(ctx)
		require.Error(t, err)
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nobody := address{ip: netip.MustParseAddr("127.0.0.1"), port: uint16(testbed.HoldTCP(t))}
	require.True(t, nts.ReachedNobody(exchange(ctx, nobody.hostPort())), "refused")
	require.True(t, nts.ReachedNobody(exchange(ctx, "does-not-exist.invalid:4460")), "no such name")
	require.False(t, nts.ReachedNobody(exchange(ctx, w.server.KeyExchange())), "it answers nonsense")
	cancel()
	require.True(t, nts.ReachedNobody(exchange(ctx, w.server.KeyExchange())), "no time left to connect")
}
