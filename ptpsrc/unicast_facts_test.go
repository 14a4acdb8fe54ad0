package ptpsrc

import (
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// The exchanges below are worked by hand. The counter starts at 0 when true time is fakeUTC, and
// both then run at the same rate; times are microseconds after that.
func micro(n int64) truetime.Time { return fakeUTC.Add(time.Duration(n) * time.Microsecond) }

func counterAt(n int64) monotonic.Instant { return monotonic.Instant(n * 1000) }

// worst is a counter that may be off by 1000 ppm.
var worst = ruler{time.Nanosecond, truetime.PollInfo{DriftPPM: 1000}}

func worked(origin, received, sent, arrival int64) exchange {
	return exchange{received: counterAt(received), origin: micro(origin), sent: counterAt(sent), arrival: micro(arrival), ruler: worst}
}

func TestExchangeGivesALowerAndAnUpperFact(t *testing.T) {
	// A Sync on its way from 0 to 300 µs, a Delay_Req from 400 to 600, and a server that is 40 µs
	// fast.
	s, err := worked(40, 300, 400, 640).facts(50 * time.Microsecond)
	require.NoError(t, err)
	const slack = 101 + 1 + 1 // ns: 1000 ppm of 100 µs, as ρ/(1−ρ), rounding, resolution
	require.Equal(t, truetime.Sample{
		Sent:     counterAt(400),
		Latest:   micro(690), // at 400 true time was at most 640 + 50
		Received: counterAt(400),
		Earliest: micro(90).Add(-slack), // at 300 it was at least 40 − 50, and 100 µs later that much more
		Delay:    500 * time.Microsecond,
		Claim:    50 * time.Microsecond,
	}, s)
}

func TestOneSidedDelayPutsTheTruthOnAnEndAndNotBeyond(t *testing.T) {
	s, err := worked(0, 1000, 1000, 1000).facts(0)
	require.NoError(t, err)
	require.Equal(t, micro(1000), s.Latest, "true time, exactly")
	require.Equal(t, micro(0).Add(-3), s.Earliest, "1000 µs below true time, and the resolution")

	s, err = worked(1000, 1000, 1000, 2000).facts(0)
	require.NoError(t, err)
	require.Equal(t, micro(1000).Add(-3), s.Earliest, "true time, and the resolution")
	require.Equal(t, micro(2000), s.Latest)
}

// A counter that may be off by 6 % sees 1060 µs where 1000 have passed, or 940.
func TestGapIsCountedWithTheDriftThatTheClockAssumes(t *testing.T) {
	for _, ppm := range []float64{0.001, 200, 1000, 60_000, truetime.MaxDriftPPM} {
		for _, runs := range []float64{-ppm, 0, ppm} {
			x := exchange{origin: micro(0), sent: monotonic.Instant(1e6 * (1 + runs/1e6)), arrival: micro(1000), ruler: ruler{time.Nanosecond, truetime.PollInfo{DriftPPM: ppm}}}
			s, err := x.facts(0)
			require.NoError(t, err, "%v of %v ppm", runs, ppm)
			require.LessOrEqual(t, s.Earliest, micro(1000), "%v of %v ppm: true time when the Delay_Req was sent", runs, ppm)
			require.GreaterOrEqual(t, s.Earliest, micro(1000).Add(-time.Duration(2.3*ppm)-4), "%v of %v ppm: no more than that is lost", runs, ppm)
		}
	}
	x := worked(0, 0, 1100, 1000)
	x.ruler.poll = truetime.PollInfo{} // of which nothing is known
	s, err := x.facts(0)
	require.NoError(t, err)
	require.LessOrEqual(t, s.Earliest, micro(1000))
}

func TestNegativeDelayIsRejectedBeyondTwiceTheClaim(t *testing.T) {
	const e = 50 * time.Microsecond
	// A server 50 µs fast at the Sync and 50 µs slow at the Delay_Req, and messages that took no
	// time.
	x := worked(50, 0, 0, -50)
	s, err := x.facts(e)
	require.NoError(t, err)
	require.Equal(t, -100*time.Microsecond, s.Delay)
	x.arrival -= 3
	_, err = x.facts(e)
	require.NoError(t, err, "within the resolution of the counter")
	x.arrival--
	_, err = x.facts(e)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "exclude each other")
}

func TestCounterThatGoesBackIsRejected(t *testing.T) {
	_, err := worked(0, 500, 0, 200).facts(time.Second)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "counter went back by 500µs")
}

func TestTimeStampsOutsideOfAllReasonAreRejected(t *testing.T) {
	good := protocol.NewTimestamp(fakeUTC.Add(fakeTAI).Std())
	got, err := serverTime(good, fakeTAI)
	require.NoError(t, err)
	require.Equal(t, fakeUTC, got)
	for name, change := range map[string]func(*protocol.Timestamp){
		"a billion nanoseconds": func(s *protocol.Timestamp) { s.Nanoseconds = 1e9 },
		"no time at all":        func(s *protocol.Timestamp) { *s = protocol.Timestamp{} },
		"the year 8 000 000":    func(s *protocol.Timestamp) { s.Seconds = protocol.PTPSeconds{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} },
	} {
		bad := good
		change(&bad)
		_, err := serverTime(bad, fakeTAI)
		require.ErrorIs(t, err, truetime.ErrUnusable, name)
	}
}

// Both fields of a two-step Sync count by themselves: one above 0 does not undo one below.
func TestCorrectionIsRoundedDownAndWidensUnlessBelieved(t *testing.T) {
	const unit = 1 << 16
	for _, c := range []struct {
		believed bool
		fields   []protocol.Correction
		want     time.Duration
	}{
		{true, []protocol.Correction{5*unit + unit - 1}, 5},
		{true, []protocol.Correction{-1}, -1},
		{true, []protocol.Correction{7 * unit, -9 * unit}, -2},
		{false, []protocol.Correction{7 * unit, -9 * unit}, -9},
		{false, []protocol.Correction{7 * unit, 9 * unit}, 0},
		{false, []protocol.Correction{1<<63 - 1}, 0},
	} {
		got, err := correctionOf(c.believed, c.fields...)
		require.NoError(t, err)
		require.Equal(t, c.want, got.sum(), "%+v", c)
		require.GreaterOrEqual(t, got.onTheWay, time.Duration(0), "%+v", c)
		require.LessOrEqual(t, got.below, time.Duration(0), "%+v", c)
	}
	_, err := correctionOf(true, 1<<63-1)
	require.ErrorIs(t, err, truetime.ErrUnusable)
}

func TestDatagramsThatAreNoMessagesAreRefused(t *testing.T) {
	good := answerOf(t, &protocol.FollowUp{Header: protocol.Header{SdoIDAndMsgType: 8, Version: protocol.Version, MessageLength: followUpSize}})
	_, err := decode(good)
	require.NoError(t, err)
	for name, change := range map[string]func([]byte) []byte{
		"version 1":          func(b []byte) []byte { b[1] = 1; return b },
		"IEEE 802.1AS":       func(b []byte) []byte { b[0] |= 0x10; return b },
		"longer than it is":  func(b []byte) []byte { b[3] = 200; return b },
		"shorter than a one": func(b []byte) []byte { b[3] = followUpSize - 1; return b },
		"not for a client":   func(b []byte) []byte { b[0] = 1; return b },
		"cut":                func(b []byte) []byte { return b[:headerSize] },
		"empty":              func([]byte) []byte { return nil },
	} {
		_, err := decode(change(append([]byte(nil), good...)))
		require.Error(t, err, name)
	}
}

func answerOf(t *testing.T, m protocol.Packet) []byte {
	t.Helper()
	b, err := protocol.Bytes(m)
	require.NoError(t, err)
	return b
}

func TestGrantsAreFoundAmongOtherTLVs(t *testing.T) {
	grant := &protocol.GrantUnicastTransmissionTLV{TLVHead: protocol.TLVHead{TLVType: protocol.TLVGrantUnicastTransmission, LengthField: 8}, DurationField: 9}
	signaling := answerOf(t, &protocol.Signaling{
		Header:             protocol.Header{SdoIDAndMsgType: 12, Version: protocol.Version, MessageLength: signalingSize + 12},
		TargetPortIdentity: protocol.PortIdentity{ClockIdentity: 5, PortNumber: 6}, TLVs: []protocol.TLV{grant},
	})[:signalingSize+12]
	tlv := signaling[signalingSize:]
	with := func(tail ...byte) []byte {
		b := append(append([]byte(nil), signaling[:signalingSize]...), tail...)
		b[3] = byte(len(b))
		return b
	}
	unknown := []byte{0x00, 0x03, 0x00, 0x02, 1, 2}
	for name, b := range map[string][]byte{
		"alone":  signaling,
		"after":  with(append(append([]byte(nil), unknown...), tlv...)...),
		"before": with(append(append([]byte(nil), tlv...), unknown...)...),
	} {
		p, err := decode(b)
		require.NoError(t, err, name)
		require.Equal(t, []protocol.TLV{grant}, p.(*protocol.Signaling).TLVs, name)
		require.Equal(t, protocol.PortIdentity{ClockIdentity: 5, PortNumber: 6}, p.(*protocol.Signaling).TargetPortIdentity, name)
	}
	for name, b := range map[string][]byte{
		"no TLV":             with(),
		"no grant":           with(unknown...),
		"cut grant":          with(tlv[:11]...),
		"grant of 6 bytes":   with(append([]byte{0, 5, 0, 6}, tlv[4:10]...)...),
		"longer than it is":  with(0x00, 0x03, 0xff, 0xff),
		"cut in the address": signaling[:signalingSize-1],
	} {
		b = append([]byte(nil), b...)
		b[3] = byte(len(b))
		_, err := decode(b)
		require.Error(t, err, name)
	}
}
