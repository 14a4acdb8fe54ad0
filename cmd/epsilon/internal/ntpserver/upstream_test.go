package ntpserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func source(name string, verdict truetime.Verdict, stratum int, age time.Duration) truetime.SourceStatus {
	return truetime.SourceStatus{Name: name, Verdict: verdict, Stratum: stratum, Age: age, Interval: truetime.Interval{Earliest: 1, Latest: 2}}
}

func TestStratumIsOneAboveTheLowestTruechimer(t *testing.T) {
	status := truetime.Status{State: truetime.Synchronized, Sources: []truetime.SourceStatus{
		source("192.0.2.1:123", truetime.Truechimer, 3, 2*time.Second),
		source("192.0.2.2:123", truetime.Falseticker, 1, time.Millisecond),
		source("192.0.2.3:123", truetime.Truechimer, 2, 9*time.Second),
		source("192.0.2.4:123", truetime.Truechimer, 2, time.Second),
		source("192.0.2.5:123", truetime.Silent, 1, time.Millisecond),
	}}
	require.Equal(t, Upstream{3, [4]byte{192, 0, 2, 3}, time.Second}, UpstreamOf(status))
	status.Sources[2].NoVote, status.Sources[3].NoVote = true, true
	require.Equal(t, Upstream{4, [4]byte{192, 0, 2, 1}, 2 * time.Second}, UpstreamOf(status))
	status.Sources = append(status.Sources, source("PHC", truetime.Truechimer, 0, 0))
	require.Equal(t, Upstream{1, OwnReference, 0}, UpstreamOf(status), "a device is stratum 0")
}

func TestHoldoverKeepsWhomTheClockFollowed(t *testing.T) {
	status := truetime.Status{State: truetime.Holdover, Sources: []truetime.SourceStatus{
		source("192.0.2.5", truetime.Silent, 1, time.Hour),
	}}
	for _, verdict := range []truetime.Verdict{truetime.Silent, truetime.Unusable} { // unplugged, or without its antenna
		status.State, status.Sources[0].Verdict = truetime.Holdover, verdict
		require.Equal(t, Upstream{2, [4]byte{192, 0, 2, 5}, time.Hour}, UpstreamOf(status), verdict)
		status.State = truetime.Synchronized
		require.Zero(t, UpstreamOf(status), verdict)
	}
	status.State, status.Sources[0].Verdict = truetime.Holdover, truetime.Convicted
	require.Zero(t, UpstreamOf(status))
	require.Zero(t, UpstreamOf(truetime.Status{}))
}

// Two servers that have lost everybody but each other count up to 16, and are then not synchronized.
func TestALoopCountsUpAndEnds(t *testing.T) {
	var a, b uint8 = 2, 3
	follow := func(stratum uint8) uint8 {
		return UpstreamOf(truetime.Status{State: truetime.Synchronized, Sources: []truetime.SourceStatus{
			source("192.0.2.9", truetime.Truechimer, int(stratum), 0),
		}}).Stratum
	}
	rounds := 0
	for ; a < 16 && b < 16; rounds++ {
		a = follow(b)
		b = follow(a)
		require.Less(t, rounds, 10)
	}
	require.Equal(t, uint8(16), follow(15))
	require.Equal(t, uint8(16), follow(16))
}

func TestReferenceIDIsAnAddressOrNobodys(t *testing.T) {
	require.Equal(t, [4]byte{192, 0, 2, 7}, ReferenceID("192.0.2.7"))
	require.Equal(t, [4]byte{192, 0, 2, 7}, ReferenceID("192.0.2.7:1123"))
	require.Equal(t, [4]byte{192, 0, 2, 7}, ReferenceID("[::ffff:192.0.2.7]:123"))
	// printf '\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07' | md5sum
	require.Equal(t, [4]byte{0xe1, 0xb2, 0xc2, 0x9d}, ReferenceID("[2001:db8::7]:123"))
	for _, name := range []string{"127.0.0.1:123", "[::1]:123", "ntp.example.net", ""} {
		require.GreaterOrEqual(t, ReferenceID(name)[0], byte(240), name)
	}
	require.NotEqual(t, ReferenceID("127.0.0.1:1"), ReferenceID("127.0.0.1:2"))
}

func TestReferenceStaysTheSameForAsLongAsClientsPoll(t *testing.T) {
	at := func(s float64) truetime.Interval {
		e := truetime.Time(1_800_000_000_000_000_000).Add(time.Duration(s * 1e9))
		return truetime.Interval{Earliest: e, Latest: e.Add(time.Second)}
	}
	u := Upstream{2, [4]byte{192, 0, 2, 1}, 500 * time.Millisecond}
	first := reference{}.next(u, at(0))
	require.Equal(t, reference{2, u.ReferenceID, stampOf(at(-0.5).Earliest) | 1, at(0).Earliest}, first)
	require.Equal(t, first, first.next(Upstream{2, [4]byte{192, 0, 2, 2}, 0}, at(1023)))
	later := first.next(Upstream{2, [4]byte{192, 0, 2, 2}, 0}, at(1024))
	require.Equal(t, reference{2, [4]byte{192, 0, 2, 2}, stampOf(at(1024).Earliest) | 1, at(1024).Earliest}, later)
	require.Equal(t, uint8(3), first.next(Upstream{3, u.ReferenceID, 0}, at(1)).stratum, "another stratum at once")
	require.Zero(t, first.next(Upstream{16, u.ReferenceID, 0}, at(1)))
	require.Zero(t, first.next(Upstream{}, at(1)))
	require.NotEqual(t, first, first.next(u, at(-2000)), "a clock that was wrong has no claim on the future")
	require.LessOrEqual(t, first.corrected, stampOf(at(0).Earliest), "not after true time")
}
