package ntpsrc

import (
	"bytes"
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) {
	testbed.RunTogether()
	goleak.VerifyTestMain(m)
}

func startServer(t *testing.T, b ntptest.Behavior) *ntptest.Server {
	t.Helper()
	s, err := ntptest.Listen("127.0.0.1:0", b)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func system(t *testing.T) monotonic.Counter {
	t.Helper()
	c, err := monotonic.System()
	require.NoError(t, err)
	return c
}

// patience is far more than an exchange on loopback takes, so that no test depends on speed.
const patience = 20 * time.Second

func ask(t *testing.T, b ntptest.Behavior, options ...ServerOption) (truetime.Sample, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return Server(startServer(t, b).Address(), options...).Sample(ctx, system(t))
}

func TestSampleContainsTheServersTime(t *testing.T) {
	before := truetime.FromStd(time.Now())
	sample, err := ask(t, ntptest.Behavior{Dispersion: 3 * time.Millisecond, RootDelay: 2 * time.Millisecond, Stratum: 7, Leap: 1})
	after := truetime.FromStd(time.Now())
	require.NoError(t, err)

	// E: 1 ms for half the root delay, 3 ms of dispersion, a unit of 2⁻¹⁶ s for the rounding up by
	// the server and one for ours on each, and 2⁻²⁰ s of precision.
	require.InDelta(t, 4*time.Millisecond, sample.Claim, float64(50*time.Microsecond))
	require.GreaterOrEqual(t, sample.Claim, 4*time.Millisecond)
	require.LessOrEqual(t, sample.Sent, sample.Received)
	require.GreaterOrEqual(t, sample.Latest, before, "true time at Sent is at most Latest")
	require.LessOrEqual(t, sample.Earliest, after, "true time at Received is at least Earliest")
	require.Equal(t, 7, sample.Stratum)
	require.Contains(t, sample.Peer, "127.0.0.1:")
	require.Equal(t, truetime.LeapInsert, sample.Leap)
}

// Without the kernel's stamps the one clock that Sample reads is the counter it is given. With them
// it is the only one that counts, if it and the wall clock do not go together.
func TestSampleReadsTheCounterAndNoOtherClock(t *testing.T) {
	var counter monotonic.Manual
	counter.Set(5_000)
	s := startServer(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		counter.Advance(2 * time.Millisecond)
		return [][]byte{reply}
	}})
	sample, err := Server(s.Address(), WithoutKernelStamps()).Sample(t.Context(), &counter)
	require.NoError(t, err)
	require.EqualValues(t, 5_000, sample.Sent)
	require.EqualValues(t, 2_005_000, sample.Received)

	var stopped monotonic.Manual
	stopped.Set(5_000)
	sample, err = Server(startServer(t, ntptest.Behavior{}).Address()).Sample(t.Context(), &stopped)
	require.NoError(t, err)
	require.EqualValues(t, 5_000, sample.Sent)
	require.EqualValues(t, 5_000, sample.Received)
}

func TestExtraErrorIsAdded(t *testing.T) {
	plain, err := ask(t, ntptest.Behavior{})
	require.NoError(t, err)
	extra, err := ask(t, ntptest.Behavior{}, WithExtraError(7*time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, 7*time.Millisecond, extra.Claim-plain.Claim)
}

func TestReplyThatCannotBeUsedIsRejectedWithItsReason(t *testing.T) {
	for want, c := range map[string]struct {
		behavior ntptest.Behavior
		options  []ServerOption
		kind     error
	}{
		"not synchronized":    {ntptest.Behavior{Leap: 3}, nil, truetime.ErrUnusable},
		"stratum 16 is above": {ntptest.Behavior{Stratum: 16}, nil, truetime.ErrUnusable},
		"synchronized (stratum 0)": {ntptest.Behavior{Leap: 3, Edit: func(_, reply []byte) [][]byte {
			reply[1] = 0
			copy(reply[12:16], make([]byte, 4))
			return [][]byte{reply}
		}}, nil, truetime.ErrUnusable},
		"stratum 3 is above":         {ntptest.Behavior{Stratum: 3}, []ServerOption{WithMaxStratum(2)}, truetime.ErrUnusable},
		"root distance of":           {ntptest.Behavior{Dispersion: 2 * time.Second}, nil, truetime.ErrUnusable},
		"the limit of 5ms":           {ntptest.Behavior{RootDelay: 20 * time.Millisecond}, []ServerOption{WithMaxRootDistance(5 * time.Millisecond)}, truetime.ErrUnusable},
		"a delay of":                 {ntptest.Behavior{}, []ServerOption{WithMaxDelay(1)}, truetime.ErrUnusable},
		"kept the request for 1.":    {ntptest.Behavior{Held: 1100 * time.Millisecond}, nil, truetime.ErrUnusable},
		"precision of 2^70 s":        {ntptest.Behavior{Precision: 70}, nil, truetime.ErrUnusable},
		"kiss-o'-death RATE":         {ntptest.Behavior{Kiss: "RATE"}, nil, truetime.ErrSlowDown},
		"kiss-o'-death DENY":         {ntptest.Behavior{Kiss: "DENY"}, nil, truetime.ErrDenied},
		"kiss-o'-death RSTR":         {ntptest.Behavior{Kiss: "RSTR"}, nil, truetime.ErrDenied},
		"kiss-o'-death \"INIT\"":     {ntptest.Behavior{Kiss: "INIT"}, nil, truetime.ErrUnusable},
		"NTP version 1 in the reply": {ntptest.Behavior{Edit: set(0, 1<<3|4)}, nil, truetime.ErrUnusable},
		"mode 3 in the reply":        {ntptest.Behavior{Edit: set(0, 4<<3|3)}, nil, truetime.ErrUnusable},
		"stamp is missing":           {ntptest.Behavior{Edit: set(40, make([]byte, 8)...)}, nil, truetime.ErrUnusable},
		"time stamp is missing":      {ntptest.Behavior{Edit: set(32, make([]byte, 8)...)}, nil, truetime.ErrUnusable},
		"before the request was rec": {ntptest.Behavior{Held: -time.Second}, nil, truetime.ErrUnusable},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := ask(t, c.behavior, c.options...)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, want)
		})
	}
}

// set returns an edit that overwrites bytes of the reply.
func set(at int, with ...byte) func(request, reply []byte) [][]byte {
	return func(_, reply []byte) [][]byte {
		copy(reply[at:], with)
		return [][]byte{reply}
	}
}

// The card that stamps requests is ahead of the clock that stamps replies.
func TestServerWhoseTwoClocksAreWithinItsClaimIsUsed(t *testing.T) {
	for _, held := range []time.Duration{-3 * time.Microsecond, -time.Millisecond, -5 * time.Millisecond} {
		before := truetime.FromStd(time.Now())
		sample, err := ask(t, ntptest.Behavior{Held: held, Dispersion: 6 * time.Millisecond})
		require.NoError(t, err)
		require.GreaterOrEqual(t, sample.Latest, before)
		require.LessOrEqual(t, sample.Earliest, truetime.FromStd(time.Now()))
	}
}

// A kiss-o'-death counts even if its time stamps are empty.
func TestKissWithoutTimeStampsIsStillAKiss(t *testing.T) {
	_, err := ask(t, ntptest.Behavior{Kiss: "DENY", Edit: set(32, make([]byte, 16)...)})
	require.ErrorIs(t, err, truetime.ErrDenied)
}

// beevik/ntp panics on these two when left to itself.
func TestExponentsOfMinus128AreHarmless(t *testing.T) {
	_, err := ask(t, ntptest.Behavior{Edit: set(2, 0x80)})
	require.NoError(t, err, "poll")
	_, err = ask(t, ntptest.Behavior{Edit: set(3, 0x80)})
	require.NoError(t, err, "precision")
}

func TestDatagramsThatDoNotAnswerTheRequestCostNothing(t *testing.T) {
	sample, err := ask(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		forged := bytes.Clone(reply)
		forged[24] ^= 1 // wrong origin
		forged[1] = 0   // and a kiss-o'-death at that
		copy(forged[12:], "DENY")
		return [][]byte{nil, {1, 2, 3}, forged, reply[:47], bytes.Repeat([]byte{0xff}, 2000), reply}
	}})
	require.NoError(t, err)
	require.Equal(t, 1, sample.Stratum)
}

func TestFloodOfWrongDatagramsEndsThePoll(t *testing.T) {
	_, err := ask(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		reply[24] ^= 1
		return slices.Repeat([][]byte{reply}, maxJunk)
	}})
	require.ErrorIs(t, err, errFlooded)
	require.ErrorContains(t, err, "100 datagrams came that do not answer the request")
}

func TestContextEndsAPollAtOnce(t *testing.T) {
	s := startServer(t, ntptest.Behavior{Silent: true})
	for name, sample := range map[string]func(context.Context) error{
		"silent server": func(ctx context.Context) error {
			_, err := Server(s.Address()).Sample(ctx, system(t))
			return err
		},
		"name that must be resolved": func(ctx context.Context) error {
			_, err := Server("silent.invalid").Sample(ctx, system(t))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.Error(t, sample(ctx), "cancelled before it began")
		})
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s.Requests() == 0 { // the exchange is under way once the request has arrived
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := Server(s.Address()).Sample(ctx, system(t))
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = Server(s.Address()).Sample(ctx, system(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestPortNobodyListensOnIsNamed(t *testing.T) {
	s := startServer(t, ntptest.Behavior{})
	require.NoError(t, s.Close())
	_, err := Server(s.Address()).Sample(t.Context(), system(t))
	require.ErrorContains(t, err, "nothing listens at "+s.Address())
}

func TestNameIsResolvedOnceAndAgainWhenItsAddressFails(t *testing.T) {
	s := startServer(t, ntptest.Behavior{})
	_, port, err := net.SplitHostPort(s.Address())
	require.NoError(t, err)
	source := Server("localhost:" + port).(*server)

	// localhost may be ::1 first, where nobody listens: the poll after that tries the next address.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failed error
	for range 4 {
		if _, failed = source.Sample(ctx, system(t)); failed == nil {
			break
		}
	}
	require.NoError(t, failed)
	require.NoError(t, s.Close())
	for range maxSilent {
		_, err = source.Sample(ctx, system(t))
		require.ErrorContains(t, err, "nothing listens at "+s.Address(), "it stays with what it found")
	}
	if _, v6 := net.ResolveTCPAddr("tcp6", "localhost:1"); v6 == nil {
		_, err = source.Sample(ctx, system(t))
		require.ErrorContains(t, err, "[::1]:"+port)
	}
}

func TestUnknownNameIsSaid(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := Server("does-not-exist.invalid").Sample(ctx, system(t))
	require.ErrorContains(t, err, "cannot resolve the name")
	require.ErrorContains(t, err, "does-not-exist.invalid")
}

func TestIPv6(t *testing.T) {
	s, err := ntptest.Listen("[::1]:0", ntptest.Behavior{})
	if err != nil {
		t.Skip("this machine has no IPv6 loopback:", err)
	}
	defer s.Close()
	_, err = Server(s.Address()).Sample(t.Context(), system(t))
	require.NoError(t, err)
}

func TestServerWithAMistakeIsNeverAsked(t *testing.T) {
	_, err := Server("bad address").Sample(t.Context(), system(t))
	require.ErrorContains(t, err, "neither a host name nor an IP address")
}

func BenchmarkSample(b *testing.B) {
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	counter, err := monotonic.System()
	if err != nil {
		b.Fatal(err)
	}
	source := Server(s.Address())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Sample(b.Context(), counter); err != nil {
			b.Fatal(err)
		}
	}
}

// What NTP does not say has to be declared, for every kind of source.
func TestSourcesServeTheScaleThatTheyAreDeclaredToServe(t *testing.T) {
	smeared := WithScale(truetime.ScaleUTCSmeared)
	with := append(Pool("pool.example.net", 2, smeared), Server("a.example.net", smeared), NTS("b.example.net", smeared), Chrony("", smeared), Kernel(smeared))
	without := append(Pool("pool.example.net", 1), Server("a.example.net"), NTS("b.example.net"), Chrony(""), Kernel())
	for _, s := range with {
		require.Equal(t, truetime.ScaleUTCSmeared, s.Info().Scale, s.Info().Name)
	}
	for _, s := range without {
		require.Equal(t, truetime.ScaleUTC, s.Info().Scale, s.Info().Name)
	}
	_, err := truetime.New([]truetime.Source{Server("a.example.net", WithScale(truetime.ScaleTAI))})
	require.ErrorContains(t, err, "scale TAI: NTP counts in UTC")
}
