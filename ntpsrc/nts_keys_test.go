package ntpsrc

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/truetime"
)

func silent(ntstest.Reply) [][]byte { return nil }

func TestLostRepliesAreMadeUpForByPlaceholders(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Edit: silent})
	for range 5 {
		require.ErrorIs(t, w.askUntil(0), context.Canceled)
	}
	require.Equal(t, 3, w.cookies())
	w.server.Set(ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	require.Equal(t, 8, w.cookies())
	require.Equal(t, 1, w.server.Exchanges())
}

func TestKeysAreExchangedAnewWhenCookiesRunOut(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{NoCookies: true})
	for range 8 {
		_, err := w.ask()
		require.NoError(t, err)
	}
	_, err := w.ask()
	require.ErrorContains(t, err, "the server answers, but sends no new cookies; keys are exchanged again in ")
	w.counter.leap(keyExchangePause)
	_, err = w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges())
	require.Zero(t, w.server.Forged())
}

// The server has lost its keys: it says so, and is asked for others with the next poll.
func TestKeysAreExchangedAnewAfterNTSN(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	w.server.Set(ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return [][]byte{notKnown(r)} }})
	w.counter.leap(keyExchangePause)
	require.Error(t, w.askUntil(1))
	require.Equal(t, 1, w.server.Exchanges(), "with the next poll only")
	w.server.Set(ntstest.Behavior{})
	_, err = w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges())
	_, err = w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges(), "and once")
}

// The first request under new keys is lost. That is no reason for yet others.
func TestNTSNIsForgottenWithTheOldKeys(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return [][]byte{notKnown(r)} }})
	require.Error(t, w.askUntil(1))
	w.counter.leap(keyExchangePause)
	w.server.Set(ntstest.Behavior{Edit: silent})
	require.Error(t, w.askUntil(0))
	require.Equal(t, 2, w.server.Exchanges())
	w.counter.leap(time.Hour)
	w.server.Set(ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges())
}

// Somebody on the path answers every request with a forged NTSN. A day of that, asked every second.
func TestForgedNTSNCausesNoStormOfKeyExchanges(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	start := w.counter.Now()
	k := &w.source.keys
	var begun []time.Duration
	for range 24 * 60 * 60 {
		w.counter.leap(time.Second)
		if k.begin(w.counter.Now()) == 0 {
			begun = append(begun, w.counter.Now().Sub(start).Round(time.Second))
		}
		k.unanswered(k.current, true, nts.ErrNAK)
	}
	require.Less(t, len(begun), 200, "%v", begun)
	for i := 1; i < len(begun); i++ {
		require.GreaterOrEqual(t, begun[i]-begun[i-1], keyExchangePause)
	}
	last := begun[len(begun)-1] - begun[len(begun)-2]
	require.Greater(t, last, 7*time.Minute, "by and by they are rare")
	require.Less(t, last, 9*time.Minute, "and go on")
	k.answered(k.current)
	require.Equal(t, keyExchangePause, keyExchangePauseAfter(k.barrenAt(w.counter.Now())), "an authenticated reply ends it")
}

// Until a key exchange has succeeded the old cookies are used: they may be good still.
func TestOldKeysAreUsedWhileTheKeyExchangeFails(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	_, err := w.ask()
	require.NoError(t, err)
	w.server.Set(ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return [][]byte{notKnown(r)} }})
	require.Error(t, w.askUntil(1))

	w.counter.leap(keyExchangePause)
	refuse := func([]byte) []byte { return ntstest.Record(1<<15|2, []byte{0, 2}) }
	w.server.Set(ntstest.Behavior{Answer: refuse})
	_, err = w.ask()
	require.NoError(t, err, "the NTSN was forged")
	require.Equal(t, 2, w.server.Exchanges())
	w.counter.leap(2 * keyExchangePause)
	_, err = w.ask()
	require.NoError(t, err)
	require.Equal(t, 2, w.server.Exchanges(), "no need any more")
}

func TestKeyExchangeThatFailsIsToldUntilTheNext(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{Answer: func([]byte) []byte { return ntstest.Record(1<<15|2, []byte{0, 1}) }})
	want := "key exchange with " + w.server.KeyExchange() + ": unusable answer: it answers with error 1, it takes our request for a bad one"
	_, err := w.ask()
	require.EqualError(t, err, want)
	_, err = w.ask()
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, want+"; keys are exchanged again in ")
	require.Equal(t, 1, w.server.Exchanges())

	w.server.Set(ntstest.Behavior{})
	w.counter.leap(keyExchangePause)
	_, err = w.ask()
	require.NoError(t, err)
}

func TestKeyExchangeNamesTheServerToAsk(t *testing.T) {
	naming := func(name string) func([]byte) []byte {
		return func(records []byte) []byte { return append(ntstest.Record(6, []byte(name)), records...) }
	}
	w := newWorld(t, ntstest.Behavior{Answer: naming("localhost.")})
	_, err := w.ask()
	if err != nil { // localhost is ::1 first, where nobody listens
		_, err = w.ask()
	}
	require.NoError(t, err)
	require.Equal(t, "localhost", w.source.keys.current.place.roster.host)

	sample, err := newWorld(t, ntstest.Behavior{Answer: naming("127.0.0.1")}).ask()
	require.NoError(t, err)
	require.Contains(t, sample.Peer, "127.0.0.1:")

	for _, name := range []string{"127.0.0.1:123", "localhost:123", "localhost:124", "[::1]", "http://localhost", "a..b", "0.0.0.0", "224.0.0.1", "a/b", "::", strings.Repeat("a", 64)} {
		_, err := newWorld(t, ntstest.Behavior{Answer: naming(name)}).ask()
		require.ErrorIs(t, err, truetime.ErrUnusable, name)
		require.ErrorContains(t, err, "is neither a host name nor an address")
	}
}

func TestWhoIsNoNTSServerIsNamed(t *testing.T) {
	authority := testbed.NewAuthority(t)
	certificates := []tls.Certificate{authority.Issue("127.0.0.1", time.Now().Add(time.Hour))}
	for want, config := range map[string]*tls.Config{
		"it speaks TLS, but not ntske/1: this is no NTS server": {Certificates: certificates, NextProtos: []string{"h2"}},
		"not ntske/1":                      {Certificates: certificates},
		"it refuses the TLS connection: ":  {Certificates: certificates, MaxVersion: tls.VersionTLS12},
		"it sends more than 32768 bytes":   {Certificates: []tls.Certificate{huge(certificates[0])}, NextProtos: []string{"ntske/1"}},
		"the certificate is for another n": {Certificates: []tls.Certificate{authority.Issue("other.example", time.Now().Add(time.Hour))}, NextProtos: []string{"ntske/1"}},
	} {
		t.Run(want, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", config)
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				if conn, err := l.Accept(); err == nil {
					_ = conn.(*tls.Conn).Handshake()
					_, _ = conn.Read(make([]byte, 100))
					_ = conn.Close()
				}
			}()
			defer func() {
				require.NoError(t, l.Close())
				<-done
			}()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err = NTS(l.Addr().String(), WithTLSConfig(authority.ClientConfig())).Sample(ctx, system(t))
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, want)
		})
	}
}

// huge is a certificate with many useless ones after it.
func huge(c tls.Certificate) tls.Certificate {
	for range 100 {
		c.Certificate = append(c.Certificate, c.Certificate[0])
	}
	return c
}

func TestContextEndsAKeyExchange(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer l.Close()
	source := NTS(l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = source.Sample(ctx, system(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no answer in time")

	require.NoError(t, source.(*secured).keys.turn.Take(t.Context())) // another clock is at it
	_, err = source.Sample(ctx, system(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A server that shakes hands and then says nothing.
func TestContextEndsTheWaitForTheRecordsOfAKeyExchange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	w := newWorld(t, ntstest.Behavior{Answer: func([]byte) []byte {
		cancel()
		<-ended
		return nil
	}})
	_, err := w.source.Sample(ctx, w.counter)
	close(ended)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "no answer in time")
}

// The counter that the source is given may be another one, as after a restore. That neither brings
// the next key exchange nearer than its pause nor puts it off by what the counters differ.
func TestCounterThatGoesBackDoesNotPutOffTheKeyExchange(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{NoCookies: true})
	for range 8 {
		_, err := w.ask()
		require.NoError(t, err)
	}
	w.counter.leap(-time.Hour)
	_, err := w.ask()
	require.ErrorContains(t, err, "keys are exchanged again in 10s at the earliest")
	w.counter.leap(keyExchangePause)
	_, err = w.ask()
	require.NoError(t, err)
}
