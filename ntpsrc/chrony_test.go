package ntpsrc

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/facebook/time/ntp/chrony"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// machine is a host whose chronyd, counter and system clock are scripted. Counter and system clock
// run alike unless somebody steps the clock.
type machine struct {
	net.Conn
	counter monotonic.Manual
	stepped time.Duration // of the system clock, in all
	took    time.Duration // how long chronyd takes to answer
	during  func()        // happens meanwhile
	replies func(sequence uint32) [][]byte
	pending [][]byte
}

const wallStart = truetime.Time(1_700_000_000_000_000_000)

func (m *machine) wall() truetime.Time {
	return wallStart.Add(time.Duration(m.counter.Now()) + m.stepped)
}

func (m *machine) Write(request []byte) (int, error) {
	m.counter.Advance(m.took)
	if m.during != nil {
		m.during()
	}
	m.pending = m.replies(binary.BigEndian.Uint32(request[8:]))
	return len(request), nil
}

func (m *machine) Read(b []byte) (int, error) {
	if len(m.pending) == 0 {
		return 0, &net.OpError{Op: "read", Net: "udp", Err: io.EOF}
	}
	n := copy(b, m.pending[0])
	m.pending = m.pending[1:]
	return n, nil
}

func (m *machine) SetDeadline(time.Time) error { return nil }
func (m *machine) Close() error                { return nil }

// tracking is the wire form of a reply, in the units that candm.h gives.
type tracking struct {
	refID                                            uint32
	stratum, leap                                    int
	reference                                        truetime.Time
	correction, lastOffset, frequency                float64
	rootDelay, rootDispersion                        float64
	version, packetType, command, reply, status, cut int
}

func synchronized() tracking {
	return tracking{
		refID: 0xc0000207, stratum: 3, reference: wallStart.Add(-10 * time.Second),
		rootDelay: 0.002, rootDispersion: 0.003,
		version: 6, packetType: 2, command: 33, reply: 5,
	}
}

func (k tracking) datagram(sequence uint32) []byte {
	b := []byte{byte(k.version), byte(k.packetType), 0, 0}
	for _, v := range []int{k.command, k.reply, k.status, 0, 0, 0} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	b = binary.BigEndian.AppendUint32(b, sequence)
	b = append(b, make([]byte, 8)...)
	b = binary.BigEndian.AppendUint32(b, k.refID)
	b = append(b, make([]byte, 16)...) // address
	b = append(b, 0, 1, 0, 0)          // its family
	b = append(b, 0, byte(k.stratum), 0, byte(k.leap))
	ns := uint64(k.reference)
	b = binary.BigEndian.AppendUint32(b, uint32(ns/1e9>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(ns/1e9))
	b = binary.BigEndian.AppendUint32(b, uint32(ns%1e9))
	for _, v := range []float64{k.correction, k.lastOffset, 0, k.frequency, 0, 0, k.rootDelay, k.rootDispersion, 0} {
		b = binary.BigEndian.AppendUint32(b, chronyFloat(v))
	}
	return b[:len(b)-k.cut]
}

// chronyFloat is a number of 7 bits of exponent and 25 of coefficient, both in two's complement.
func chronyFloat(v float64) uint32 {
	if v == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(v)
	coefficient := int32(math.Round(math.Ldexp(fraction, 24)))
	return uint32(exponent+1)<<25 | uint32(coefficient)&(1<<25-1)
}

func (m *machine) source(options ...ChronyOption) *chronySource {
	s := Chrony("127.0.0.1", options...).(*chronySource)
	s.wall = m.wall
	s.dial = func(chronyAddress) (net.Conn, error) { return m, nil }
	return s
}

// A virtual machine that is restored has its system clock and its counter where they stood, and chronyd is as sure of
// itself as before. A clock that has noticed it must not believe chronyd until that has heard from its servers.
func TestChronySaysHowLongAgoItHeardFromItsServers(t *testing.T) {
	m := &machine{took: time.Microsecond}
	m.counter.Set(monotonic.Instant(time.Hour))
	known := synchronized()
	known.reference = m.wall().Add(-300 * time.Second)
	m.says(known)
	s, err := m.source().Sample(assuming(t.Context(), 200), &m.counter)
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.Age, 300*time.Second)
	require.LessOrEqual(t, s.Age, 401*time.Second)
}

// assuming is the context of a poll by a clock that assumes so much drift.
func assuming(ctx context.Context, ppm float64) context.Context {
	return truetime.ContextWithPollInfo(ctx, truetime.PollInfo{DriftPPM: ppm})
}

func (m *machine) says(k tracking) {
	m.replies = func(sequence uint32) [][]byte { return [][]byte{k.datagram(sequence)} }
}

func TestChronyClaimIsTheSumOfItsTerms(t *testing.T) {
	m := &machine{took: 300 * time.Microsecond}
	k := synchronized()
	k.correction, k.lastOffset, k.frequency = -0.020, -0.001, 50
	m.says(k)
	s, err := m.source(WithExtraError(7*time.Millisecond)).Sample(assuming(t.Context(), 200), &m.counter)
	require.NoError(t, err)

	// 1 ms of root delay, 3 of root dispersion, 1 of last offset; 250 ppm of 10 s less the
	// correction; 0.1 ms for the exchange; 7 ms extra.
	want := 5*time.Millisecond + time.Duration(0.00025*9.985*1e9) + 100*time.Microsecond + 7*time.Millisecond
	require.InDelta(t, want, s.Claim, float64(3*time.Microsecond))
	require.GreaterOrEqual(t, s.Claim, want)
	truth := func(counter int64) truetime.Time { return wallStart.Add(time.Duration(counter) - 20*time.Millisecond) }
	require.EqualValues(t, 0, s.Sent)
	require.EqualValues(t, 300_000, s.Received)
	require.InDelta(t, int64(truth(0).Add(s.Claim)), int64(s.Latest), 3)
	require.InDelta(t, int64(truth(300_000).Add(-s.Claim)), int64(s.Earliest), 3)
	require.Equal(t, 3, s.Stratum)
	require.Equal(t, wallclock.Peer, s.Peer)

	more, err := m.source().Sample(assuming(t.Context(), 1000), &m.counter)
	require.NoError(t, err)
	less, err := m.source().Sample(assuming(t.Context(), 200), &m.counter)
	require.NoError(t, err)
	require.InDelta(t, 7.99*float64(time.Millisecond), float64(more.Claim-less.Claim), 2e5)
}

// The reading at the moment of the answer is anywhere between, and the clock is slewed by 10 %.
func TestChronySampleHoldsUnderTheFastestSlew(t *testing.T) {
	for _, rate := range []float64{0.9, 1, 1.1} {
		for _, answered := range []float64{0, 0.5, 1} { // when chronyd states its correction
			const took = 1000 * time.Microsecond
			var x trackingExchange
			wall := func(at float64) truetime.Time { return wallStart.Add(time.Duration(rate * at * float64(took))) }
			x.before = bracket{0, 0, wallStart}
			x.after = bracket{monotonic.Instant(took), monotonic.Instant(took), wall(1)}
			// Truth runs with the counter, and chronyd's correction is right when it is stated.
			correction := wallStart.Add(time.Duration(answered * float64(took))).Sub(wall(answered))
			x.reply = checkedReply(t, synchronized())
			x.reply.CurrentCorrection = correction.Seconds()
			x.reply.RootDelay, x.reply.RootDispersion = 0, 0
			x.reply.RefTime = wallStart.Std()
			x.driftPPM = 1
			s, err := (&machine{}).source().evaluate(x)
			require.NoError(t, err)
			require.GreaterOrEqual(t, s.Latest, wallStart, "rate %v, answered at %v", rate, answered)
			require.LessOrEqual(t, s.Earliest, wallStart.Add(took), "rate %v, answered at %v", rate, answered)
		}
	}
}

func TestStepDuringTheExchangeDropsTheSample(t *testing.T) {
	for _, step := range []time.Duration{500 * time.Microsecond, -500 * time.Microsecond, time.Hour, -time.Hour} {
		m := &machine{took: 300 * time.Microsecond}
		m.says(synchronized())
		m.during = func() { m.stepped += step }
		_, err := m.source().Sample(t.Context(), &m.counter)
		require.ErrorIs(t, err, truetime.ErrUnusable, "%v", step)
		require.ErrorContains(t, err, "stepped during the exchange")
	}
}

func TestStepTooSmallToSeeIsCovered(t *testing.T) {
	for _, step := range []time.Duration{20 * time.Microsecond, -20 * time.Microsecond} {
		m := &machine{took: 300 * time.Microsecond}
		k := synchronized()
		k.rootDelay, k.rootDispersion, k.reference = 0, 0, wallStart
		m.says(k)
		m.during = func() { m.stepped += step } // truth is without the step at one end and with it at the other
		s, err := m.source().Sample(assuming(t.Context(), 200), &m.counter)
		require.NoError(t, err)
		for _, truth := range []truetime.Time{wallStart, wallStart.Add(step)} {
			require.GreaterOrEqual(t, s.Latest, truth)
			require.LessOrEqual(t, s.Earliest, truth.Add(m.took))
		}
	}
}

// ownCounter passes for the counter of this machine.
type ownCounter struct {
	*localcounter.Counter
	reads *monotonic.Manual
}

func (c ownCounter) Now() monotonic.Instant { return c.reads.Now() }

// The counter of this machine and the system clock count one oscillator, so what is declared of the
// one is true of the other. Of any other counter it is not.
func TestDriftOfTheHostIsWhatTheClockAssumesOfTheHostsCounter(t *testing.T) {
	raw, err := localcounter.Raw()
	require.NoError(t, err)
	claim := func(ppm float64, own bool) time.Duration {
		m := &machine{took: 100 * time.Microsecond}
		k := synchronized()
		k.reference = m.wall().Add(-100 * time.Second)
		m.says(k)
		var counter monotonic.Counter = &m.counter
		if own {
			counter = ownCounter{raw, &m.counter}
		}
		s, err := m.source().Sample(assuming(t.Context(), ppm), counter)
		require.NoError(t, err)
		return s.Claim
	}
	const tolerance = float64(100 * time.Microsecond)
	for _, own := range []bool{false, true} {
		require.InDelta(t, 30*time.Millisecond, claim(500, own)-claim(200, own), tolerance, "300 ppm of 100 s")
	}
	require.InDelta(t, 15*time.Millisecond, claim(200, true)-claim(50, true), tolerance, "150 ppm of 100 s")
	require.Equal(t, claim(200, false), claim(50, false))
}

func TestStepBetweenPollsIsDistrustedUntilChronydHasANewReference(t *testing.T) {
	m := &machine{took: 100 * time.Microsecond}
	k := synchronized()
	m.says(k)
	s := m.source()
	poll := func() error {
		_, err := s.Sample(assuming(t.Context(), 200), &m.counter)
		m.counter.Advance(time.Second)
		return err
	}
	require.NoError(t, poll())
	require.NoError(t, poll())

	m.stepped += time.Second // by hand: chronyd says what it said before
	require.ErrorContains(t, poll(), "was stepped by about 1s")
	require.ErrorContains(t, poll(), "has not heard from its sources since")
	require.ErrorContains(t, poll(), "has not heard from its sources since")
	k.reference, k.correction = m.wall().Add(-2*time.Second), -1
	m.says(k)
	// The correction is stepped back to where it should be: once more a jump, of what was wrong.
	require.ErrorContains(t, poll(), "was stepped by about -1s")
	k.reference = k.reference.Add(time.Second)
	m.says(k)
	require.NoError(t, poll())
	require.NoError(t, poll())

	// A step that chronyd makes itself changes its correction by as much: nothing has happened.
	m.stepped -= time.Second
	k.correction = 0
	k.reference = k.reference.Add(-time.Second)
	m.says(k)
	require.NoError(t, poll())
}

func checkedReply(t *testing.T, k tracking) chrony.Tracking {
	t.Helper()
	m := &machine{}
	m.says(k)
	x, err := askTracking(m, func() bracket { return readBracket(&m.counter, m.wall) })
	require.NoError(t, err)
	return x.reply
}

func TestTrackingThatCannotBeUsedIsRejectedWithItsReason(t *testing.T) {
	for want, edit := range map[string]func(*tracking){
		"chronyd is not synchronized":      func(k *tracking) { k.leap = 3 },
		"its reference is 127.127.1.1":     func(k *tracking) { k.refID = 0x7f7f0101 },
		"stratum of 0 is not 1 to 15":      func(k *tracking) { k.stratum = 0 },
		"stratum of 16":                    func(k *tracking) { k.stratum = 16 },
		"root delay of -1":                 func(k *tracking) { k.rootDelay = -1 },
		"root dispersion of -1":            func(k *tracking) { k.rootDispersion = -1 },
		"current correction of 1e+09":      func(k *tracking) { k.correction = 1e9 },
		"last offset of -1e+09":            func(k *tracking) { k.lastOffset = -1e9 },
		"frequency of 200000":              func(k *tracking) { k.frequency = 200_000 },
		"lies 1h0m0":                       func(k *tracking) { k.reference = wallStart.Add(time.Hour + time.Second) },
		"has not heard from its sources":   func(k *tracking) { k.reference = wallStart.Add(-400 * 24 * time.Hour) },
		"a root distance of":               func(k *tracking) { k.reference = wallStart.Add(-3 * time.Hour) },
		"got status UNAUTH":                func(k *tracking) { k.status = 2 },
		"is not about tracking":            func(k *tracking) { k.reply = 12; k.cut = 20 },
		"chronyd's reply: unexpected EOF":  func(k *tracking) { k.cut = 1 },
		"chronyd's reply: not implemented": func(k *tracking) { k.reply = 999 },
	} {
		t.Run(want, func(t *testing.T) {
			m := &machine{took: 100 * time.Microsecond}
			k := synchronized()
			edit(&k)
			m.says(k)
			_, err := m.source().Sample(t.Context(), &m.counter)
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, want)
		})
	}
}

// A reply to another request, as one that comes late, does not pass for the answer.
func TestTrackingThatDoesNotAnswerTheRequestIsIgnored(t *testing.T) {
	m := &machine{took: 100 * time.Microsecond}
	wrong := func(edit func(*tracking)) tracking {
		k := synchronized()
		k.correction = 0.5
		edit(&k)
		return k
	}
	m.replies = func(sequence uint32) [][]byte {
		return [][]byte{
			nil, {6, 2}, bytes.Repeat([]byte{0xff}, 1500),
			wrong(func(*tracking) {}).datagram(sequence + 1),
			wrong(func(k *tracking) { k.command = 34 }).datagram(sequence),
			wrong(func(k *tracking) { k.packetType = 1 }).datagram(sequence),
			wrong(func(k *tracking) { k.version = 5 }).datagram(sequence),
			synchronized().datagram(sequence),
		}
	}
	s, err := m.source().Sample(t.Context(), &m.counter)
	require.NoError(t, err)
	require.InDelta(t, int64(wallStart), int64(s.Earliest.Add(s.Claim)), 1e6, "without a correction")

	m.replies = func(sequence uint32) (all [][]byte) {
		for range maxJunk {
			all = append(all, synchronized().datagram(sequence-1))
		}
		return append(all, synchronized().datagram(sequence))
	}
	_, err = m.source().Sample(t.Context(), &m.counter)
	require.ErrorIs(t, err, errFlooded)
	require.ErrorContains(t, err, "100 datagrams did not answer the request")
}

func TestChronyAddressHasOneName(t *testing.T) {
	for given, want := range map[string]string{
		ChronySocket:                "chronyd /run/chrony/chronyd.sock",
		"/run//chrony/chronyd.sock": "chronyd /run/chrony/chronyd.sock",
		"127.0.0.1":                 "chronyd 127.0.0.1:323",
		"127.0.0.1:323":             "chronyd 127.0.0.1:323",
		"::1":                       "chronyd [::1]:323",
		"[::1]:1323":                "chronyd [::1]:1323",
		"[::ffff:127.0.0.1]:323":    "chronyd 127.0.0.1:323",
	} {
		s := Chrony(given)
		require.NoError(t, s.Info().Err, given)
		require.Equal(t, want, s.Info().Name, given)
	}
}

func TestMistakesInChronyAreReportedTogether(t *testing.T) {
	for given, want := range map[string]string{
		"":                                "neither the absolute path of a socket, as /run/chrony/chronyd.sock, nor a loopback IP address",
		"chronyd.sock":                    "neither the absolute path",
		"localhost":                       "neither the absolute path",
		"127.0.0.1:0":                     "port 0",
		"[::1%a\nb]:323":                  `has no zone, leave "%a\nb" away`,
		"192.0.2.1":                       "is not of this host",
		"[2001:db8::1]:323":               "for another host use Server",
		"/" + strings.Repeat("long/", 30): "a path of 151 bytes",
	} {
		_, err := truetime.New([]truetime.Source{Chrony(given, WithMaxStratum(0), WithMaxReferenceAge(0), nil, Option(nil))})
		require.ErrorContains(t, err, want, given)
		for _, also := range []string{"maximum stratum of 0", "maximum reference age of 0s", "an option is nil; an option is nil"} {
			require.ErrorContains(t, err, also)
		}
		_, err = Chrony(given).Sample(t.Context(), new(monotonic.Manual))
		require.ErrorContains(t, err, want, "it is never asked")
	}
}

// FuzzChronyReply sends arbitrary datagrams, as they are and with the header that answers the
// request. Whatever comes nothing panics, little is allocated, and a sample that is accepted is
// whole.
func FuzzChronyReply(f *testing.F) {
	good := synchronized().datagram(0)
	f.Add(good, true, int64(100_000), int64(0))
	f.Add(good, false, int64(0), int64(0))
	f.Add(good[:40], true, int64(1), int64(-5))
	f.Add([]byte{}, true, int64(-1), int64(1<<62))
	deleting := synchronized()
	deleting.leap = 2
	f.Add(deleting.datagram(0), true, int64(100_000), int64(0))
	f.Add(append(bytes.Clone(good), make([]byte, 4000)...), true, int64(1<<62), int64(1<<40))
	f.Fuzz(func(t *testing.T, reply []byte, match bool, took, step int64) {
		m := &machine{took: time.Duration(took)}
		m.during = func() { m.stepped = time.Duration(step) }
		m.replies = func(sequence uint32) [][]byte {
			b := bytes.Clone(reply)
			if match && len(b) >= commandHeader {
				copy(b, []byte{commandVersion, commandReply, 0, 0, 0, 33})
				binary.BigEndian.PutUint32(b[replySequenceAt:], sequence)
			}
			return [][]byte{b}
		}
		source := m.source()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := source.Sample(t.Context(), &m.counter)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Fatalf("%d bytes allocated", n)
		}
		if err != nil {
			return
		}
		config := source.config
		switch {
		case s.Stratum < 1 || s.Stratum > 15 || s.Leap > truetime.LeapDelete:
			t.Fatalf("%+v", s)
		case s.Claim < time.Microsecond || s.Received.Before(s.Sent):
			t.Fatalf("%+v", s)
		case s.Latest.Add(s.Received.Sub(s.Sent) + 1).Before(s.Earliest):
			t.Fatalf("the sample excludes itself: %+v", s)
		case s.Delay > config.maxDelay || s.Delay/2+s.Claim > config.maxRootDistance:
			t.Fatalf("beyond the limits: %+v", s)
		}
	})
}

func BenchmarkChronySample(b *testing.B) {
	m := &machine{took: time.Microsecond}
	m.says(synchronized())
	source := m.source()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Sample(b.Context(), &m.counter); err != nil {
			b.Fatal(err)
		}
	}
}
