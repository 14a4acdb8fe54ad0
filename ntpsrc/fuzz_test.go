package ntpsrc

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// wire is a socket to a server that gives one reply, optionally with the right origin, after the
// counter has advanced by as much as the exchange took.
type wire struct {
	reply   []byte
	match   bool
	counter *monotonic.Manual
	took    time.Duration
}

func (w *wire) send(request []byte) error {
	w.reply = bytes.Clone(w.reply)
	if w.match && len(w.reply) >= headerSize {
		copy(w.reply[24:32], request[40:48])
	}
	w.counter.Advance(w.took)
	return nil
}

func (w *wire) receive(_ context.Context, b []byte) (int, error) {
	if w.reply == nil {
		return 0, io.EOF
	}
	n := copy(b, w.reply)
	w.reply = nil
	return n, nil
}

func (w *wire) close() error { return nil }

// FuzzReply sends arbitrary datagrams as a reply, as they are and with the right origin. Whatever
// comes, nothing panics, and a sample that is accepted keeps every promise that a sample makes.
func FuzzReply(f *testing.F) {
	request := make([]byte, headerSize)
	request[0] = 4<<3 | modeClient
	then := time.Unix(1_900_000_000, 0)
	honest := ntptest.Behavior{Clock: func() time.Time { return then }, Identity: ntptest.Identity{ReferenceID: "GPS", Reference: then.Add(-1234 * time.Millisecond)}}
	good := honest.Reply(request, then)[0]
	for _, change := range []func(*ntptest.Behavior){
		func(b *ntptest.Behavior) {},
		func(b *ntptest.Behavior) { b.Stratum, b.RootDelay, b.Dispersion = 3, time.Millisecond, time.Second },
		func(b *ntptest.Behavior) { b.Held, b.Leap = time.Microsecond, 2 },
		func(b *ntptest.Behavior) { b.Stratum = 16 },
		func(b *ntptest.Behavior) { b.Precision = 1 },
		func(b *ntptest.Behavior) { b.Identity.Reference = then.Add(time.Hour) },
		func(b *ntptest.Behavior) { b.Identity = ntptest.Identity{ReferenceID: "LOCL", Reference: then} },
		func(b *ntptest.Behavior) { b.Kiss = "DENY" },
	} {
		b := honest
		change(&b)
		f.Add(b.Reply(request, then)[0], true, int64(1000))
	}
	sample, err := fuzzed(f.Context(), good, true, 1000)
	require.NoError(f, err)
	require.Equal(f, 1, sample.Stratum, "a fuzzer that begins with replies which are refused does not get far")
	stated := extension.AppendBounds(bytes.Clone(good), endsAt(parseHeader(good), 0, 0))
	sample, err = fuzzed(f.Context(), stated, true, 1000, WithFineBounds())
	require.NoError(f, err)
	require.Equal(f, 2*time.Nanosecond, sample.Claim)
	f.Add(stated, true, int64(1000))
	f.Add(append(bytes.Clone(good), chronyField(0, 1)...), true, int64(1000))
	f.Add(good, false, int64(0))
	f.Add(good[:47], true, int64(1))
	f.Add([]byte{}, true, int64(1))
	kiss := ntptest.Behavior{Kiss: "RATE"}.Reply(request, time.Unix(0, 0))[0]
	f.Add(kiss, true, int64(-1))
	f.Add(append(good, make([]byte, 4000)...), true, int64(1<<62))

	config := defaults()
	f.Fuzz(func(t *testing.T, reply []byte, match bool, took int64) {
		sample, err := fuzzed(t.Context(), reply, match, took)
		near, errNear := fuzzed(t.Context(), reply, match, took, WithDistance(20_038), WithScale(truetime.ScaleUTCSmeared))
		if errNear == nil && near.Latest.Add(near.Received.Sub(near.Sent)+exchange{c1: near.Sent, c4: near.Received, resolution: 1, driftPPM: truetime.MaxDriftPPM}.slack()).Before(near.Earliest) {
			t.Fatalf("the sample excludes itself at a distance: %+v", near)
		}
		finer, errFiner := fuzzed(t.Context(), reply, match, took, WithFineBounds())
		if errFiner == nil && (err != nil || finer.Claim <= 0 || finer.Claim > sample.Claim+6*time.Nanosecond ||
			finer.Latest.Add(finer.Received.Sub(finer.Sent)+exchange{c1: finer.Sent, c4: finer.Received, resolution: 1, driftPPM: truetime.MaxDriftPPM}.slack()).Before(finer.Earliest)) {
			t.Fatalf("a field has made a sample of what is none, or one that excludes itself: %v: %+v, and %+v without it", err, finer, sample)
		}
		if err != nil {
			if errNear == nil {
				t.Fatalf("the distance has made a sample of what is none: %v: %+v", err, near)
			}
			return
		}
		switch {
		case sample.Stratum < 1 || sample.Stratum > 15:
			t.Fatalf("stratum %d", sample.Stratum)
		case sample.Leap > truetime.LeapDelete:
			t.Fatalf("leap %d", sample.Leap)
		case sample.Claim < 22*time.Microsecond:
			t.Fatalf("error %v is below two units of the header", sample.Claim)
		case sample.Received.Before(sample.Sent):
			t.Fatal("received before it was sent")
		case sample.Latest.Add(sample.Received.Sub(sample.Sent) + exchange{c1: sample.Sent, c4: sample.Received, resolution: 1, driftPPM: truetime.MaxDriftPPM}.slack()).Before(sample.Earliest):
			t.Fatalf("the sample excludes itself: %+v", sample)
		case sample.Delay > config.maxDelay || sample.Delay/2+sample.Claim > config.maxRootDistance:
			t.Fatalf("beyond the limits: %+v", sample)
		}
	})
}

// fuzzed is the sample that a Server makes of a reply.
func fuzzed(ctx context.Context, reply []byte, match bool, took int64, options ...ServerOption) (truetime.Sample, error) {
	var counter monotonic.Manual
	s, to := Server("192.0.2.1", options...).(*server), netip.MustParseAddrPort("192.0.2.1:123")
	open := func(netip.AddrPort) (socket, error) {
		return &wire{reply: reply, match: match, counter: &counter, took: time.Duration(took)}, nil
	}
	s.asking.whom, s.asking.answers = to, true // as after a plain request
	c, err := s.ask(ctx, &counter, to, open, nil)
	if err != nil {
		return truetime.Sample{}, err
	}
	return s.evaluate(c, to)
}

// FuzzFields appends arbitrary bytes to a reply to somebody who has asked for finer bounds. Whatever
// they are, nothing panics, and what is taken from them is no less than the header can mean, and no
// more than a unit of the field above it.
func FuzzFields(f *testing.F) {
	ends := extension.AppendBounds(nil, endsAt(stamped, 2*time.Millisecond, 2*time.Millisecond))
	for _, fields := range [][]byte{nil, ends, ends[:20], append(bytes.Clone(ends), ends...), chronyField(131*wholeUnit, 66*wholeUnit), appendQuestions(nil),
		extension.Append(nil, extension.NTSAuthenticator, make([]byte, 20)), append(bytes.Clone(ends), make([]byte, 24)...)} {
		f.Add(fields, stamped.rootDelay, stamped.rootDispersion, uint64(stamped.received), uint64(stamped.transmitted), stamped.precision)
	}
	f.Fuzz(func(t *testing.T, fields []byte, delay, dispersion uint32, received, transmitted uint64, precision int8) {
		h := header{precision: min(precision, maxPrecision), rootDelay: delay, rootDispersion: dispersion, received: timestamp(received), transmitted: timestamp(transmitted)}
		e, finer, err := h.finest(fields)
		switch {
		case err != nil:
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.False(t, finer)
			require.Zero(t, e)
		case !finer:
			require.Equal(t, h.claim(), e)
		default:
			least := inUnits(delay-min(delay, 1), 2*headerUnit) + inUnits(dispersion-min(dispersion, 1), headerUnit) - time.Nanosecond
			require.GreaterOrEqual(t, e, least)
			require.Positive(t, e)
			require.LessOrEqual(t, e, h.claim()+6*time.Nanosecond)
		}
	})
}

// FuzzAddress reads arbitrary text as the address of a server, of a key exchange and of a chronyd.
// What is accepted is written in one form, which is read again as the same, and Servers that are
// one have one name.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"ntp1.example.net", "NTP1.Example.Net.:1123", "192.0.2.7:1123", "2001:db8::7", "[2001:db8::7]:1123", "[::ffff:192.0.2.7]", "fe80::1%eth0",
		"[fe80::1%25eth0]:123", "fe80::1%]:1", "fe80::1%a%b", "127.0.0.1:323", "::1", "/run/chrony/chronyd.sock", "a:0", "a:65536", ":123", "[]", "https://a", "a..b", "-", "192.0.2.7.", "0x7f.1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, usual := range []uint16{ntpPort, 4460} {
			a, err := parseAddressOf(usual, text)
			if err != nil {
				require.NotContains(t, err.Error(), "\n")
				continue
			}
			again, err := parseAddressOf(usual, a.hostPort())
			require.NoError(t, err, "%q is written as %q", text, a.hostPort())
			require.Equal(t, a, again)
			require.NotZero(t, a.port)
			require.NotEqual(t, a.host != "", a.ip.IsValid(), "a name or an address")
			if usual == ntpPort {
				again, err = parseAddress(a.String())
				require.NoError(t, err, "%q is named %q", text, a.String())
				require.Equal(t, a, again)
			}
		}
		if c, err := parseChronyAddress(text); err == nil {
			again, err := parseChronyAddress(c.String())
			require.NoError(t, err)
			require.Equal(t, c, again)
			require.True(t, c.path != "" || c.udp.Addr().IsLoopback())
		}
	})
}
