package ntpsrc

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
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
	require.NoError(t, source.Info().Err)
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
	defer func() { w.source.connect = w.source.open }()
	w.source.connect = func(to netip.AddrPort) (socket, error) {
		opened, err := openPlain(to)
		return &impatient{socket: opened, left: datagrams, cancel: cancel}, err
	}
	_, err := w.source.Sample(ctx, w.counter)
	return err
}

type impatient struct {
	socket
	left   int
	cancel context.CancelFunc
}

func (i *impatient) receive(ctx context.Context, b []byte) (int, error) {
	if i.left == 0 {
		i.cancel()
	}
	i.left--
	return i.socket.receive(ctx, b)
}

// cookies is how many the source has.
func (w *world) cookies() int { return w.source.keys.current.association.Cookies() }

func TestNTSSampleContainsTheServersTime(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{NTP: ntptest.Behavior{Dispersion: 3 * time.Millisecond, Stratum: 7}})
	for range 20 {
		before := truetime.FromStd(time.Now())
		sample, err := w.ask()
		after := truetime.FromStd(time.Now())
		require.NoError(t, err)
		require.GreaterOrEqual(t, sample.Claim, 3*time.Millisecond)
		require.GreaterOrEqual(t, sample.Latest, before)
		require.LessOrEqual(t, sample.Earliest, after)
		require.Equal(t, w.server.NTP(), sample.Peer)
		require.Equal(t, 7, sample.Stratum)
		require.Equal(t, 8, w.cookies(), "each request spends one and brings one")
	}
	require.Equal(t, 1, w.server.Exchanges())
	require.Zero(t, w.server.Forged())
	require.Equal(t, "nts://"+w.server.KeyExchange(), w.source.Info().Name)
}

// All checks of the plain path apply to what the server has sealed, and its kisses count.
func TestSealedReplyIsCheckedLikeAnyOther(t *testing.T) {
	for want, c := range map[string]struct {
		behavior ntptest.Behavior
		kind     error
	}{
		"not synchronized":       {ntptest.Behavior{Leap: 3}, truetime.ErrUnusable},
		"stratum 16 is above":    {ntptest.Behavior{Stratum: 16}, truetime.ErrUnusable},
		"root distance of":       {ntptest.Behavior{Dispersion: 2 * time.Second}, truetime.ErrUnusable},
		"kept the request for 1": {ntptest.Behavior{Held: 1100 * time.Millisecond}, truetime.ErrUnusable},
		"kiss-o'-death RATE":     {ntptest.Behavior{Kiss: "RATE"}, truetime.ErrSlowDown},
		"kiss-o'-death DENY":     {ntptest.Behavior{Kiss: "DENY"}, truetime.ErrDenied},
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

func TestMistakesInAnNTSSourceAreReported(t *testing.T) {
	for want, source := range map[string]truetime.Source{
		"the address is empty":             NTS(""),
		"is a URL":                         NTS("nts://ntp1.example.net"),
		"the TLS configuration is nil":     NTS("ntp1.example.net", WithTLSConfig(nil)),
		"so that nobody would be authen":   NTS("ntp1.example.net", WithTLSConfig(&tls.Config{InsecureSkipVerify: true})),
		"ends at TLS 1.2: NTS needs TLS 1": NTS("ntp1.example.net", WithTLSConfig(&tls.Config{MaxVersion: tls.VersionTLS12})),
		"an option is nil":                 NTS("ntp1.example.net", nil),
	} {
		require.ErrorContains(t, source.Info().Err, want)
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
		require.NoError(t, source.Info().Err)
		require.Equal(t, want, source.Info().Name)
	}
	own := &tls.Config{ServerName: "other.example"}
	source := NTS("192.0.2.7", WithTLSConfig(own)).(*secured)
	require.Equal(t, "other.example", source.keys.config.ServerName)
	require.Nil(t, own.NextProtos, "the caller's configuration is not changed")
	require.Equal(t, "192.0.2.7", NTS("192.0.2.7").(*secured).keys.config.ServerName)
}
