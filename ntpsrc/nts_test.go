package ntpsrc

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/internal/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/truetime"
)

// leaping is a counter that can be moved ahead, so that no test waits for a key exchange to be due.
type leaping struct {
	monotonic.Counter
	ahead atomic.Int64
}

func (l *leaping) Now() monotonic.Instant {
	return l.Counter.Now().Add(time.Duration(l.ahead.Load()))
}
func (l *leaping) leap(d time.Duration) { l.ahead.Add(int64(d)) }

// world is a source and the server it asks.
type world struct {
	t       *testing.T
	server  *ntstest.Server
	source  *secured
	counter *leaping
}

func newWorld(t *testing.T, b ntstest.Behavior) *world {
	t.Helper()
	authority := testbed.NewAuthority(t)
	certificate := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
	server, err := ntstest.Start(&tls.Config{Certificates: []tls.Certificate{certificate}}, b)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	source := NTS(server.KeyExchange(), WithTLSConfig(authority.ClientConfig())).(*secured)
	require.NoError(t, source.Validate())
	return &world{t, server, source, &leaping{Counter: system(t)}}
}

// ask takes a sample with all the patience there is.
func (w *world) ask() (truetime.Sample, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	return w.source.Sample(ctx, w.counter)
}

// askUntil takes a sample, and runs out of patience when the source has read that many datagrams
// and waits for another. So no test depends on how long a datagram takes.
func (w *world) askUntil(datagrams int) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	defer func() { w.source.dial = dial }()
	w.source.dial = func(to netip.AddrPort) (net.Conn, error) {
		c, err := dial(to)
		return &impatient{Conn: c, left: datagrams, cancel: cancel}, err
	}
	_, err := w.source.Sample(ctx, w.counter)
	return err
}

type impatient struct {
	net.Conn
	left   int
	cancel context.CancelFunc
}

func (i *impatient) Read(b []byte) (int, error) {
	if i.left == 0 {
		i.cancel()
	}
	i.left--
	return i.Conn.Read(b)
}

// cookies is how many the source has.
func (w *world) cookies() int { return w.source.keys.current.association.Cookies() }

func TestNTSSampleContainsTheServersTime(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{NTP: ntpserver.Behavior{Dispersion: 3 * time.Millisecond, Stratum: 7}})
	for range 20 {
		before := truetime.FromStd(time.Now())
		sample, err := w.ask()
		after := truetime.FromStd(time.Now())
		require.NoError(t, err)
		require.GreaterOrEqual(t, sample.Error, 3*time.Millisecond)
		require.GreaterOrEqual(t, sample.Latest, before)
		require.LessOrEqual(t, sample.Earliest, after)
		require.Equal(t, w.server.NTP(), sample.Peer)
		require.Equal(t, 7, sample.Stratum)
		require.Equal(t, 8, w.cookies(), "each request spends one and brings one")
	}
	require.Equal(t, 1, w.server.Exchanges())
	require.Zero(t, w.server.Forged())
	require.Equal(t, "nts://"+w.server.KeyExchange(), w.source.Name())
}

// All checks of the plain path apply to what the server has sealed, and its kisses count.
func TestSealedReplyIsCheckedLikeAnyOther(t *testing.T) {
	for want, c := range map[string]struct {
		behavior ntpserver.Behavior
		kind     error
	}{
		"not synchronized":       {ntpserver.Behavior{Leap: 3}, truetime.ErrUnusable},
		"stratum 16 is above":    {ntpserver.Behavior{Stratum: 16}, truetime.ErrUnusable},
		"root distance of":       {ntpserver.Behavior{Dispersion: 2 * time.Second}, truetime.ErrUnusable},
		"kept the request for 1": {ntpserver.Behavior{Held: 1100 * time.Millisecond}, truetime.ErrUnusable},
		"kiss-o'-death RATE":     {ntpserver.Behavior{Kiss: "RATE"}, truetime.ErrSlowDown},
		"kiss-o'-death DENY":     {ntpserver.Behavior{Kiss: "DENY"}, truetime.ErrDenied},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := newWorld(t, ntstest.Behavior{NTP: c.behavior}).ask()
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, want)
		})
	}
}

// forgeries are datagrams with the right origin that the server has not sealed for the request, and
// what is said of them.
var forgeries = map[string]struct {
	make func(ntstest.Reply) []byte
	said string
}{
	"plain NTP": {func(r ntstest.Reply) []byte { return r.Header }, "without an NTS authenticator"},
	"stripped authenticator": {func(r ntstest.Reply) []byte {
		return append(bytes.Clone(r.Header), ntstest.UniqueIDField(r.UniqueID)...)
	}, "without an NTS authenticator"},
	"changed time": {func(r ntstest.Reply) []byte {
		forged := bytes.Clone(r.Packet)
		forged[35]++ // one second, in both stamps
		forged[43]++
		return forged
	}, "with an authenticator that is not the server's"},
	"another request's identifier": {func(r ntstest.Reply) []byte {
		return r.Seal(r.Header, ntstest.UniqueIDField(make([]byte, 32)), r.Cookies)
	}, "with another unique identifier"},
	"no identifier": {func(r ntstest.Reply) []byte { return r.Seal(r.Header, nil, r.Cookies) }, "with another unique identifier"},
	"DENY that is not sealed": {func(r ntstest.Reply) []byte {
		return append(kiss(r.Header, "DENY"), ntstest.UniqueIDField(r.UniqueID)...)
	}, "without an NTS authenticator"},
	"cut short": {func(r ntstest.Reply) []byte { return r.Packet[:len(r.Packet)-1] }, "extension fields are malformed"},
	"NTSN":      {notKnown, "does not know our cookie (kiss-o'-death NTSN)"},
}

func kiss(header []byte, code string) []byte {
	k := bytes.Clone(header)
	k[1] = 0
	copy(k[12:], code)
	return k
}

// notKnown is the reply of a server that cannot read the cookie.
func notKnown(r ntstest.Reply) []byte {
	return append(kiss(r.Header, "NTSN"), ntstest.UniqueIDField(r.UniqueID)...)
}

func TestForgedReplyIsAsIfItHadNeverCome(t *testing.T) {
	for name, f := range forgeries {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ntstest.Behavior{})
			w.server.Set(ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return [][]byte{f.make(r), f.make(r), r.Packet} }})
			before := truetime.FromStd(time.Now())
			sample, err := w.ask()
			require.NoError(t, err, "the genuine one comes after two forged ones")
			require.GreaterOrEqual(t, sample.Latest, before)
			require.LessOrEqual(t, sample.Earliest, truetime.FromStd(time.Now()))

			w.server.Set(ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return [][]byte{f.make(r)} }})
			err = w.askUntil(1)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, truetime.ErrUnusable, "nothing has come")
			require.ErrorContains(t, err, f.said)
			require.Equal(t, 7, w.cookies(), "spent, and none came")

			w.server.Set(ntstest.Behavior{})
			_, err = w.ask()
			require.NoError(t, err)
			require.Equal(t, 8, w.cookies())
			require.Equal(t, 1, w.server.Exchanges(), "not even NTSN is a reason for another exchange, so soon")
		})
	}
}

// A reply that was genuine once, sent again: as it was, and with the origin of the new request.
func TestReplayedReplyIsAsIfItHadNeverCome(t *testing.T) {
	var recorded []byte
	w := newWorld(t, ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte {
		recorded = r.Packet
		return [][]byte{r.Packet}
	}})
	_, err := w.ask()
	require.NoError(t, err)

	replay := func(r ntstest.Reply) [][]byte {
		adapted := bytes.Clone(recorded)
		copy(adapted[24:32], r.Header[24:32])
		return [][]byte{recorded, adapted}
	}
	w.server.Set(ntstest.Behavior{Edit: replay})
	err = w.askUntil(2)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "a reply came with another unique identifier")

	w.server.Set(ntstest.Behavior{Edit: func(r ntstest.Reply) [][]byte { return append(replay(r), r.Packet) }})
	sample, err := w.ask()
	require.NoError(t, err)
	require.LessOrEqual(t, sample.Earliest, truetime.FromStd(time.Now()))
}

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
	w.counter.leap(keyExchangePauseMax)
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
	require.Less(t, len(begun), 45, "%v", begun)
	for i := 1; i < len(begun); i++ {
		require.GreaterOrEqual(t, begun[i]-begun[i-1], keyExchangePause)
	}
	require.Less(t, begun[len(begun)-1]-begun[len(begun)-2], keyExchangePauseMax+time.Minute, "and goes on")
	k.answered(k.current)
	require.Equal(t, keyExchangePause, k.pause(), "an authenticated reply ends it")
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
	require.Equal(t, "localhost", w.source.keys.current.target.address.host)

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

	source.(*secured).keys.busy <- struct{}{} // another clock is at it
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

func TestMistakesInAnNTSSourceAreReported(t *testing.T) {
	for want, source := range map[string]truetime.Source{
		"the address is empty":             NTS(""),
		"is a URL":                         NTS("nts://ntp1.example.net"),
		"the TLS configuration is nil":     NTS("ntp1.example.net", WithTLSConfig(nil)),
		"so that nobody would be authen":   NTS("ntp1.example.net", WithTLSConfig(&tls.Config{InsecureSkipVerify: true})),
		"ends at TLS 1.2: NTS needs TLS 1": NTS("ntp1.example.net", WithTLSConfig(&tls.Config{MaxVersion: tls.VersionTLS12})),
		"WithTLSConfig is for NTS alone":   Server("ntp1.example.net", WithTLSConfig(&tls.Config{})),
		"an option is nil":                 NTS("ntp1.example.net", nil),
	} {
		require.ErrorContains(t, source.(interface{ Validate() error }).Validate(), want)
		_, err := source.Sample(t.Context(), system(t))
		require.ErrorContains(t, err, want)
	}
}

func TestNTSSourceHasANameOfItsOwn(t *testing.T) {
	for given, want := range map[string]string{
		"NTP1.example.net":      "nts://ntp1.example.net",
		"ntp1.example.net:4460": "nts://ntp1.example.net",
		"ntp1.example.net:123":  "nts://ntp1.example.net:123",
		"2001:db8::7":           "nts://2001:db8::7",
		"[2001:db8::7]:14460":   "nts://[2001:db8::7]:14460",
	} {
		source := NTS(given)
		require.NoError(t, source.(interface{ Validate() error }).Validate())
		require.Equal(t, want, source.Name())
	}
	own := &tls.Config{ServerName: "other.example"}
	source := NTS("192.0.2.7", WithTLSConfig(own)).(*secured)
	require.Equal(t, "other.example", source.keys.config.ServerName)
	require.Nil(t, own.NextProtos, "the caller's configuration is not changed")
	require.Equal(t, "192.0.2.7", NTS("192.0.2.7").(*secured).keys.config.ServerName)
}
