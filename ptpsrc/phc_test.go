package ptpsrc

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/truetime"
)

// A device that is within its error of true time, read by any means over clocks that run as fast or
// slow as they may, gives facts that are true.
func TestWhatADeviceProvesIsTrueByEveryMeans(t *testing.T) {
	means := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newScriptedPHC(rapid.Uint64().Draw(t, "seed"))
		w.takes = rapid.SampledFrom([]int64{2, 300, 20_000, 5_000_000}).Draw(t, "takes")
		drift := rapid.SampledFrom([]float64{200, 1000, 60_000, truetime.MaxDriftPPM}).Draw(t, "drift")
		host := wallclock.HostDriftPPM(drift)
		w.counterRate = 1 + rapid.Float64Range(-drift/1e6, drift/1e6).Draw(t, "counter")
		w.rawRate = 1 + rapid.Float64Range(-host/1e6, host/1e6).Draw(t, "raw")
		w.wall.Rates[0] = rapid.Float64Range(0.78, 1.22).Draw(t, "wall") * w.rawRate / w.counterRate
		w.noise = time.Duration(rapid.Int64Range(0, 2000).Draw(t, "noise"))
		w.bias = time.Duration(rapid.Int64Range(-5000, 5000).Draw(t, "bias"))
		w.ahead = 37 * time.Second
		want := "precise"
		for _, o := range []struct {
			err  *error
			next string
		}{{&w.preciseErr, "raw"}, {&w.rawErr, "wall"}, {&w.wallErr, "read"}} {
			if rapid.Bool().Draw(t, "not offered") {
				break
			}
			*o.err, want = syscall.EOPNOTSUPP, o.next
		}
		if rapid.Bool().Draw(t, "set") {
			at := int64(w.counterAt(w.moment)) + rapid.Int64Range(0, 40*w.takes).Draw(t, "at")
			w.wall.Sets = []wallclocktest.Set{{At: at, By: rapid.Int64Range(-3*w.takes, 3*w.takes).Draw(t, "by")}}
		}
		e := w.noise + w.bias.Abs()
		scale := rapid.SampledFrom([]Option{WithTAI(), WithUTCOffset(37 * time.Second)}).Draw(t, "scale")
		p := w.source(t, "/dev/ptp0", scale, WithAccuracy(max(e, 1)))
		w.zero = trueIn(p)
		s, err := p.Sample(truetime.ContextWithPollInfo(context.Background(), truetime.PollInfo{DriftPPM: drift}), w)
		if err != nil {
			if want != "wall" || !errors.Is(err, truetime.ErrUnusable) {
				t.Fatalf("by %s: %v", want, err)
			}
			return
		}
		if s.Stamps != want {
			t.Fatalf("read by %s, not by %s", s.Stamps, want)
		}
		if at := w.trueAt(s.Sent); s.Latest < at {
			t.Fatalf("by %s: Latest is %v too early: %+v", want, at.Sub(s.Latest), s)
		}
		if at := w.trueAt(s.Received); s.Earliest > at {
			t.Fatalf("by %s: Earliest is %v too late: %+v", want, s.Earliest.Sub(at), s)
		}
		means[want]++
	})
	require.Len(t, means, 4)
}

func (w *scriptedPHC) source(t interface{ Fatal(...any) }, device string, options ...Option) *phc {
	p := PHC(device, options...).(*phc)
	if err := p.Info().Err; err != nil {
		t.Fatal(err)
	}
	p.system = w
	return p
}

func (w *scriptedPHC) requireTrue(t *testing.T, s truetime.Sample) {
	t.Helper()
	require.GreaterOrEqual(t, s.Latest, w.trueAt(s.Sent))
	require.LessOrEqual(t, s.Earliest, w.trueAt(s.Received))
}

var vouched = []Option{WithUTCOffset(0), WithAccuracy(100)}

func TestSharperMeansGiveNarrowerSamples(t *testing.T) {
	mean := map[string]time.Duration{}
	for _, c := range []struct {
		how                string
		precise, raw, wall error
	}{
		{"precise", nil, nil, nil},
		{"raw", syscall.EOPNOTSUPP, nil, nil},
		{"wall", syscall.EOPNOTSUPP, syscall.EINVAL, nil},
		{"read", syscall.ENOTTY, syscall.ENOTTY, syscall.ENOTTY},
	} {
		w := newScriptedPHC(1)
		w.preciseErr, w.rawErr, w.wallErr = c.precise, c.raw, c.wall
		p := w.source(t, "/dev/ptp0", vouched...)
		for range 100 {
			s, err := p.Sample(t.Context(), w)
			require.NoError(t, err)
			require.Equal(t, c.how, s.Stamps)
			require.Equal(t, "PHC 247:0", s.Peer)
			w.requireTrue(t, s)
			mean[c.how] += (s.Latest.Sub(s.Earliest) + s.Received.Sub(s.Sent)) / 100
		}
		require.Equal(t, 100, w.closed)
	}
	require.Less(t, mean["precise"], mean["wall"])
	require.Less(t, mean["raw"], mean["wall"])
	require.Less(t, mean["raw"], mean["read"])
}

// The error of the device being the same at each reading, what they prove together is narrower than
// what the narrowest of them does.
func TestAllReadingsOfACallAreIntersected(t *testing.T) {
	w := newScriptedPHC(2)
	w.takes = 10_000
	sharper := 0
	for range 100 {
		all, _, err := readPHC(w, &scriptedDevice{w, ""}, w, 1000)
		require.NoError(t, err)
		w.preciseErr = syscall.EOPNOTSUPP
		s, err := intersect(all, 0, 100, worst)
		require.NoError(t, err)
		w.requireTrue(t, s)
		one, err := intersect([]reading{narrowest(all)}, 0, 100, worst)
		require.NoError(t, err)
		require.LessOrEqual(t, s.Delay, one.Delay+all[len(all)-1].after.Sub(all[0].before)/1000+2)
		if s.Delay < one.Delay {
			sharper++
		}
	}
	require.Greater(t, sharper, 30)
}

func setAll(s []phcStamp, device int64) {
	for i := range s {
		s[i].device = device
	}
}

func TestWhatTheKernelHandsOutIsRefusedIfItCannotBe(t *testing.T) {
	for name, spoil := range map[string]func([]phcStamp){
		"a negative bracket":            func(s []phcStamp) { s[2].before, s[2].after = s[2].after, s[2].before },
		"a driver that does not stamp":  func(s []phcStamp) { s[4].before, s[4].after = 0, 0 },
		"a stamp from before the call":  func(s []phcStamp) { s[0].before -= int64(time.Millisecond) },
		"a stamp from after the call":   func(s []phcStamp) { s[4].after += int64(time.Millisecond) },
		"a device that was never set":   func(s []phcStamp) { setAll(s, 0) },
		"a device set to a wrong year":  func(s []phcStamp) { setAll(s, math.MaxInt64) },
		"a reading that does not exist": func(s []phcStamp) { setAll(s, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, byWall := range []bool{false, true} {
				w := newScriptedPHC(3)
				w.preciseErr = syscall.EOPNOTSUPP
				if byWall {
					w.rawErr = syscall.EINVAL
				}
				w.spoil = spoil
				_, err := w.source(t, "/dev/ptp0", vouched...).Sample(t.Context(), w)
				require.ErrorIs(t, err, truetime.ErrUnusable)
			}
		})
	}
}

func TestDeviceThatIsSetDuringTheCallIsRefused(t *testing.T) {
	for reading := 2; reading <= phcSamples; reading++ {
		for _, by := range []time.Duration{time.Millisecond, -time.Millisecond} {
			w := newScriptedPHC(4)
			w.preciseErr, w.stepAt, w.stepBy = syscall.EOPNOTSUPP, reading, by
			_, err := w.source(t, "/dev/ptp0", vouched...).Sample(t.Context(), w)
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, "exclude each other")
		}
	}
}

func TestSystemClockThatIsSetMeanwhileMattersOnlyWhereItIsRead(t *testing.T) {
	for _, strobed := range []bool{false, true} {
		for _, raw := range []error{nil, syscall.EINVAL} {
			w := newScriptedPHC(5)
			w.preciseErr, w.rawErr, w.strobed = syscall.EOPNOTSUPP, raw, strobed
			if !strobed {
				w.spoil = func([]phcStamp) {
					w.wall.Sets = []wallclocktest.Set{{At: int64(w.counterAt(w.moment)), By: -5_000_000}}
				}
			}
			s, err := w.source(t, "/dev/ptp0", vouched...).Sample(t.Context(), w)
			if raw == nil {
				require.NoError(t, err)
				w.requireTrue(t, s)
				continue
			}
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, "system clock")
		}
	}
}

func TestDriverTellsTheErrorIfNobodyElseDoes(t *testing.T) {
	utc := WithUTCOffset(0)
	for name, c := range map[string]struct {
		bounds []time.Duration
		err    error
		want   time.Duration
		text   string
	}{
		"grows meanwhile":   {[]time.Duration{5000, 9000}, nil, 9000 + stampResolution, ""},
		"shrinks meanwhile": {[]time.Duration{9000, 5000}, nil, 9000 + stampResolution, ""},
		"no such file":      {nil, fs.ErrNotExist, 0, "nothing says how far /dev/ptp0 is from true time"},
		"busy":              {nil, syscall.EBUSY, 0, "by WithAccuracy, or use PHCWithPTP4L"},
		"unknown":           {[]time.Duration{math.MaxUint32}, nil, 0, "no bound for its error"},
		"unknown by then":   {[]time.Duration{5000, math.MaxUint32}, nil, 0, "no bound for its error"},
		"none":              {[]time.Duration{0}, nil, 0, "no bound for its error"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptedPHC(6)
			w.bias, w.bounds, w.boundErr = 8999, c.bounds, c.err
			s, err := w.source(t, "eth0", utc).Sample(t.Context(), w)
			if c.text != "" {
				require.ErrorContains(t, err, c.text)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, s.Claim)
			w.requireTrue(t, s)
		})
	}
}

func TestDeviceIsNotBelievedAboutItsScale(t *testing.T) {
	for _, options := range [][]Option{nil, {WithAccuracy(1)}} {
		require.ErrorContains(t, PHC("/dev/ptp0", options...).Info().Err, "does not say what it counts: say WithTAI, or give its offset from UTC by WithUTCOffset")
	}
	require.Equal(t, truetime.ScaleTAI, PHC("/dev/ptp0", WithTAI()).Info().Scale)
	require.Equal(t, truetime.ScaleTAI, PHCWithPTP4L("/dev/ptp0", PTP4LSocket).Info().Scale)
	require.Equal(t, truetime.ScaleUTC, PHC("/dev/ptp0", WithUTCOffset(0)).Info().Scale)
	require.NoError(t, PHC("/dev/ptp0", WithTAI()).Info().Err)
	require.NoError(t, PHCWithPTP4L("/dev/ptp0", PTP4LSocket).Info().Err)
	for _, bad := range []string{"", ".", "..", "dev/ptp0", "a b", "interface-of-16-b", "/dev/\x00"} {
		require.ErrorContains(t, PHC(bad, vouched...).Info().Err, "neither an absolute path", "%q", bad)
	}
}

func TestDeviceThatIsTooWrongOrTooSlowIsRefused(t *testing.T) {
	w := newScriptedPHC(7)
	_, err := w.source(t, "/dev/ptp0", append(vouched, WithMaxError(100))...).Sample(t.Context(), w)
	require.ErrorContains(t, err, "an error of 101ns is above the limit")
	w.takes, w.preciseErr = 1_000_000, syscall.EOPNOTSUPP
	_, err = w.source(t, "/dev/ptp0", append(vouched, WithMaxDelay(1000))...).Sample(t.Context(), w)
	require.ErrorContains(t, err, "is above the limit of 1µs")
}

// withPTP4L is a host whose ptp4l steers the clock of eth0, with a Sync that came in just now by
// that clock, which counts TAI.
func withPTP4L(t *testing.T, change func(*report)) (w *scriptedPHC, p *phc, poll func() (truetime.Sample, error)) {
	path := socketPath(t)
	w = newScriptedPHC(8)
	w.zero, w.ahead, w.bias = trueTAI, 37*time.Second, 2000
	h := newHost()
	h.report.port.Timestamping = 1
	h.report.port.NameLength = uint8(copy(h.report.port.Name[:], "eth0"))
	h.report.current.MeanPathDelay = int64(500) << 16
	h.report.own.UTCOffset = 36 // ptp4l's own matters to the system clock only
	ptp4l := h.report
	if change != nil {
		change(&ptp4l)
	}
	var mu sync.Mutex // the report is read by the server
	reply := madeUp(t, &ptp4l, ptp4l.port.State)
	serveManagement(t, path, func(request []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return reply(request)
	})
	p = PHCWithPTP4L("/dev/ptp0", path).(*phc)
	require.NoError(t, p.Info().Err)
	p.system = w
	return w, p, func() (truetime.Sample, error) {
		w.moment += int64(100 * time.Millisecond)
		mu.Lock()
		ptp4l.status.IngressTime = int64(fakeUTC.Add(time.Duration(w.moment) + w.bias + w.ahead))
		ptp4l.status.MasterOffset = int64(w.bias) + w.moment/int64(10*time.Millisecond)%2 // it measures
		mu.Unlock()
		w.moment += int64(10 * time.Millisecond)
		return p.Sample(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{DriftPPM: 1}), w)
	}
}

func TestPTP4LTellsTheErrorOfTheDeviceThatItSteers(t *testing.T) {
	w, _, poll := withPTP4L(t, nil)
	_, err := poll()
	require.ErrorContains(t, err, "another Sync has to come")
	_, err = poll()
	require.ErrorContains(t, err, "has to change first")
	for range 10 {
		s, err := poll()
		require.NoError(t, err)
		w.requireTrue(t, s)
		// Accuracy, offset, mean path delay and 200 ppm of 10 ms, and how far device and counter
		// ran apart: brackets.
		const stated = 100 + 1 + 2000 + 500 + 1 + 2002
		require.Greater(t, s.Claim, time.Duration(stated))
		require.Less(t, s.Claim, time.Duration(stated+4000))
		require.Equal(t, 2, s.Stratum)
		require.Contains(t, s.Peer, "by ptp4l")
	}
	w.bias += 20 * time.Millisecond // set by somebody
	_, err = poll()
	require.ErrorContains(t, err, "the clock of /dev/ptp0 was stepped")
}

// Of a network card's clock ptp4l subtracts no UTC offset, whatever is announced, and around a leap
// second it corrects none.
func TestAnnouncedUTCOffsetLeavesADeviceAlone(t *testing.T) {
	const tai, valid = uint8(protocol.FlagPTPTimescale), uint8(protocol.FlagCurrentUtcOffsetValid)
	for name, c := range map[string]struct {
		announced int16
		flags     uint8
		want      time.Duration
	}{
		"right":           {37, tai | valid, 37 * time.Second},
		"wrong":           {5, tai | valid, 5 * time.Second},
		"negative":        {-1, tai | valid, -time.Second},
		"late":            {36, tai | valid | uint8(protocol.FlagLeap61), 36 * time.Second},
		"not valid":       {37, tai, 0},
		"not valid, leap": {36, tai | uint8(protocol.FlagLeap61), 0},
	} {
		w, _, poll := withPTP4L(t, func(r *report) { r.time.UTCOffset, r.time.Flags = c.announced, c.flags })
		w.moment += int64(3 * time.Hour) // it is after midnight then
		_, _ = poll()
		_, _ = poll()
		s, err := poll()
		require.NoError(t, err, name)
		w.requireTrue(t, s)
		require.Less(t, s.Claim, 10*time.Microsecond)
		require.Equal(t, c.want, s.TAIOffset, name)
	}
}

func TestPTP4LOfAnotherDeviceIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*report)
		want   string
	}{
		"software stamps": {func(r *report) { r.port.Timestamping = 0 }, "does not stamp in hardware"},
		"no master":       {func(r *report) { r.port.State = 4 }, "follows no master"},
		"another device":  {func(r *report) { r.port.Name[3] = '1' }, "ptp4l measures /dev/ptp1, the clock of interface eth1, and not /dev/ptp0"},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, poll := withPTP4L(t, c.change)
			w.interfaces["eth1"] = "/dev/ptp1"
			for range 3 {
				_, err := poll()
				require.ErrorIs(t, err, truetime.ErrUnusable)
				require.ErrorContains(t, err, c.want)
			}
			require.Equal(t, w.opened, w.closed)
		})
	}
}

// An interface may come to have another device, when it is moved or its driver is loaded anew.
func TestOtherDeviceOfAnInterfaceIsWatchedAnew(t *testing.T) {
	w, p, poll := withPTP4L(t, nil)
	p.device = "eth0"
	_, _ = poll()
	_, _ = poll()
	_, err := poll()
	require.NoError(t, err)
	w.interfaces["eth0"] = "/dev/ptp1"
	_, err = poll()
	require.ErrorContains(t, err, "another Sync has to come")
	_, _ = poll()
	_, err = poll()
	require.NoError(t, err)
}

func TestSampleOfADeviceHeedsItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newScriptedPHC(9)
	_, err := w.source(t, "/dev/ptp0", vouched...).Sample(ctx, w)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, w.opened)
}

// CLOCK_MONOTONIC_RAW and the counter may each be off by as much as the clock assumes, so the one
// may gain by twice that.
func TestStampIsFoundHoweverTheRawClockRuns(t *testing.T) {
	for gained, drift := range map[int64]float64{-7990: 1000, 0: 1000, 7990: 1000, 850_000: truetime.MaxDriftPPM, -720_000: truetime.MaxDriftPPM} {
		const length = 4_000_000
		unknown := rawBracket{rawReading{0, 0, 7}, rawReading{length, length, 7 + length + gained}}
		b := unknown.assuming(drift)
		lost := 1 - b.slowest*(1+float64(gained)/length)
		for _, at := range []int64{0, length / 4, length / 2, length} {
			stamp := 7 + at + at*gained/length
			from, ok := b.NotBefore(stamp)
			require.True(t, ok)
			require.LessOrEqual(t, int64(from), at, "gained %d", gained)
			require.GreaterOrEqual(t, float64(from), float64(at)*(1-lost)-3)
			worst, ok := unknown.NotBefore(stamp)
			require.True(t, ok)
			require.LessOrEqual(t, worst, from)
			to, ok := b.NotAfter(stamp)
			require.True(t, ok)
			require.GreaterOrEqual(t, int64(to), at, "gained %d", gained)
			require.LessOrEqual(t, float64(to), float64(at)+float64(length-at)*lost+3)
			worst, ok = unknown.NotAfter(stamp)
			require.True(t, ok)
			require.GreaterOrEqual(t, worst, to)
		}
		for _, outside := range []int64{6, 8 + length + gained, -1, math.MinInt64, math.MaxInt64} {
			_, ok := b.NotBefore(outside)
			require.False(t, ok)
			_, ok = b.NotAfter(outside)
			require.False(t, ok)
		}
	}
	for _, bad := range []rawBracket{
		{rawReading{2, 1, 7}, rawReading{10, 11, 17}},
		{rawReading{1, 2, 7}, rawReading{11, 10, 17}},
		{rawReading{10, 11, 7}, rawReading{1, 2, 17}},
	} {
		_, ok := bad.NotBefore(10)
		require.False(t, ok, "a counter that goes back: %+v", bad)
	}
}

// A step of the wall clock that does not show is smallest if it is read first of the two clocks before the device, and last after it.
func TestWallClockIsReadFarthestFromTheDevice(t *testing.T) {
	w := newScriptedPHC(18)
	d, err := w.open("/dev/ptp0")
	require.NoError(t, err)
	_, err = readByWall(w, d, w, 200)
	require.NoError(t, err)
	require.Equal(t, []string{"wall first", "wall last"}, w.orders)
}
