package ptpsrc

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// fbclock's own code writes, from another process, and what is read of it is true.
func TestWhatFBClockWritesIsReadWhileItWrites(t *testing.T) {
	daemon := testbed.StartFBClock(t)
	counter, err := monotonic.System()
	require.NoError(t, err)
	source := FBClock(daemon.Path(), WithExtraError(20*time.Microsecond)) // what its process may be interrupted for
	answered := 0
	for range 2000 {
		before := truetime.Time(testbed.Realtime()).Add(fakeTAI) // the device counts TAI
		s, err := source.Sample(t.Context(), counter)
		after := truetime.Time(testbed.Realtime()).Add(fakeTAI)
		if err != nil {
			require.ErrorIs(t, err, truetime.ErrUnusable)
			continue
		}
		answered++
		require.GreaterOrEqual(t, s.Latest, before, "%+v", s)
		require.LessOrEqual(t, s.Earliest, after, "%+v", s)
	}
	require.Greater(t, answered, 1900)

	daemon.Stop()
	require.Eventually(t, func() bool {
		_, err := source.Sample(t.Context(), counter)
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	_, err = source.Sample(t.Context(), counter)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "its daemon has stopped, or died")
	daemon.Start()
	_, err = source.Sample(t.Context(), counter)
	require.NoError(t, err)
}

// The window that fbclock itself makes of the same data is within ours, which adds the drift since the reading and
// what two roundings may cost.
func TestFBClocksOwnWindowIsWithinOurs(t *testing.T) {
	daemon := testbed.StartFBClock(t)
	daemon.Stop()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	f := FBClock(daemon.Path()).(*fbclock)
	for range 200 {
		age := random.Int64N(int64(maxFBClockAge))
		d := goodFBClock()
		d.Ingress = d.PHC - random.Int64N(int64(time.Minute))
		d.ErrorBound, d.Holdover = 1+random.Uint32N(1e6), random.Uint32N(1<<24)
		d.RatePPB = random.Int64N(2_000_001) - 1_000_000
		d.SmearStart = uint64(d.PHC/1e9) - 100_000
		if random.IntN(2) == 0 {
			d.SmearStart += 200_000
			d.OffsetAfter = 38
		}
		d.OffsetBefore = 37
		raw := d.Raw + age
		earliest, latest, err := daemon.Window(raw, d.Ingress, int64(d.ErrorBound), int64(d.Holdover), int64(d.SmearStart),
			int64(d.OffsetBefore), int64(d.OffsetAfter), d.PHC, d.Raw, d.RatePPB)
		require.NoError(t, err)
		s, err := f.judge(d, rawLook{100, 200, raw}, truetime.PollInfo{DriftPPM: 1})
		require.NoError(t, err)
		require.Equal(t, fakeTAI, s.TAIOffset)
		first, last := truetime.Time(earliest).Add(fakeTAI), truetime.Time(latest).Add(fakeTAI) // it serves UTC
		require.LessOrEqual(t, s.Earliest, first)
		require.GreaterOrEqual(t, s.Latest, last)
		drift := time.Duration(float64(age)*201e-6) + 5
		require.LessOrEqual(t, first.Sub(s.Earliest), drift)
		require.LessOrEqual(t, s.Latest.Sub(last), drift)
	}
}

// goodFBClock is a reading of a device that shows trueTAI, at which the last Sync came in 50 ms before.
func goodFBClock() fbclockData {
	phc := int64(trueTAI)
	return fbclockData{
		Ingress: phc - int64(50*time.Millisecond), ErrorBound: 700, Holdover: 40 << 16,
		OffsetBefore: 37, OffsetAfter: 37, Clock: clockMonotonicRaw, PHC: phc, Raw: rawEpoch,
	}
}

func encodeFBClock(t testing.TB, sequence uint64, d fbclockData) []byte {
	t.Helper()
	b, err := binary.Append(binary.NativeEndian.AppendUint64(nil, sequence), binary.NativeEndian, d)
	require.NoError(t, err)
	require.Len(t, b, fbclockSection)
	return append(b, make([]byte, fbclockSection)...)
}

func TestClaimIsTheWindowInflatedAndTheDrift(t *testing.T) {
	f := FBClock(FBClockPath, WithInflation(3), WithDrift(100), WithExtraError(11)).(*fbclock)
	require.NoError(t, f.Info().Err)
	d := goodFBClock()
	d.RatePPB = -20_000
	const age = int64(10 * time.Millisecond)
	s, err := f.judge(d, rawLook{5000, 5300, d.Raw + age}, truetime.PollInfo{DriftPPM: 1})
	require.NoError(t, err)
	const (
		window = 3*700 + 3*2.4 // 40 ns/s for 60 ms, of which the rate takes some
		drift  = 1001          // 100 ppm of 10 ms, and of that 0.1 % more
	)
	require.EqualValues(t, math.Ceil(window)+drift+2+11, s.Error)
	device := trueTAI.Add(time.Duration(age) - 200) // −20 ppm of 10 ms
	require.Equal(t, truetime.Sample{
		Sent: 5000, Latest: device.Add(s.Error), Received: 5300, Earliest: device.Add(-s.Error),
		Age: time.Duration(age), Peer: "fbclock " + FBClockPath, Delay: 300, Error: s.Error, TAIOffset: fakeTAI,
	}, s)
}

func TestWhatFBClockWritesDecidesWhetherItIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*fbclockData)
		age     time.Duration
		options []Option
		want    string
	}{
		"good":                  {func(*fbclockData) {}, 0, nil, ""},
		"just not too old":      {func(*fbclockData) {}, maxFBClockAge, nil, ""},
		"too old":               {func(*fbclockData) {}, maxFBClockAge + 1, nil, "1.000000001s old: its daemon has stopped"},
		"from the future":       {func(*fbclockData) {}, -1, nil, "daemon has stopped, or died"},
		"no bound":              {func(d *fbclockData) { d.ErrorBound = 0 }, 0, nil, "not received a Sync"},
		"no Sync":               {func(d *fbclockData) { d.Ingress = 0 }, 0, nil, "not received a Sync"},
		"no device":             {func(d *fbclockData) { d.PHC = 0 }, 0, nil, "not received a Sync"},
		"no reading":            {func(d *fbclockData) { d.Raw = 0 }, 0, nil, "not received a Sync"},
		"bound too big":         {func(d *fbclockData) { d.ErrorBound = math.MaxUint32 }, 0, nil, "too big"},
		"holdover too big":      {func(d *fbclockData) { d.Holdover = math.MaxUint32 }, 0, nil, "too big"},
		"wall clock":            {func(d *fbclockData) { d.Clock = 0 }, 0, nil, "not of CLOCK_MONOTONIC_RAW"},
		"device behind Sync":    {func(d *fbclockData) { d.PHC = d.Ingress - 1 }, 0, nil, "make no sense"},
		"device of a far year":  {func(d *fbclockData) { d.PHC = math.MaxInt64 }, 0, nil, "make no sense"},
		"Sync of a far year":    {func(d *fbclockData) { d.Ingress = math.MinInt64 }, 0, nil, "make no sense"},
		"counter of a far year": {func(d *fbclockData) { d.Raw = math.MinInt64 }, 0, nil, "make no sense"},
		"rate":                  {func(d *fbclockData) { d.RatePPB = maxRatePPB + 1 }, 0, nil, "no measurement"},
		"negative rate":         {func(d *fbclockData) { d.RatePPB = math.MinInt64 }, 0, nil, "no measurement"},
		"Sync of last week":     {func(d *fbclockData) { d.Ingress -= int64(7 * 24 * time.Hour) }, 0, nil, "168h0m0.05s ago"},
		"no UTC offset":         {func(d *fbclockData) { d.OffsetBefore, d.OffsetAfter = 0, 0 }, 0, nil, ""},
		"no UTC offset, given":  {func(d *fbclockData) { d.OffsetBefore, d.OffsetAfter = 0, 0 }, 0, []Option{WithUTCOffset(37 * time.Second)}, ""},
		"UTC offset of hours":   {func(d *fbclockData) { d.OffsetAfter = 3600 }, 0, nil, "make no sense"},
		"smear of a far year":   {func(d *fbclockData) { d.SmearStart = math.MaxUint64 }, 0, nil, "make no sense"},
		"too wide":              {func(d *fbclockData) { d.ErrorBound = 2e9 }, 0, nil, "above the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			f, d := FBClock(FBClockPath, c.options...).(*fbclock), goodFBClock()
			raw := d.Raw + int64(c.age)
			c.change(&d)
			s, err := f.judge(d, rawLook{100, 200, raw}, truetime.PollInfo{DriftPPM: 1})
			if c.want != "" {
				require.ErrorIs(t, err, truetime.ErrUnusable)
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, trueIn(f).Add(c.age), s.Earliest.Add(s.Error))
			require.Equal(t, trueIn(f).Add(c.age), s.Latest.Add(-s.Error))
		})
	}
	_, err := FBClock(FBClockPath).(*fbclock).judge(goodFBClock(), rawLook{200, 100, rawEpoch}, truetime.PollInfo{DriftPPM: 1})
	require.ErrorContains(t, err, "the local counter went back by 100ns")
}

// What the daemon says of UTC, and how it smears a leap second, leaves TAI alone. It is passed on where it is one number.
func TestFBClocksUTCOffsetIsPassedOnAndBoundsNothing(t *testing.T) {
	second := uint64(trueTAI / 1e9)
	for name, c := range map[string]struct {
		before, after int16
		smear         uint64
		want          time.Duration
	}{
		"leap to come":         {37, 38, second + 6, 37 * time.Second},
		"leap to come at once": {37, 38, second + 5, 0},
		"leap begun":           {37, 38, second - 1, 0},
		"half of a leap":       {37, 38, second - 31_250, 0},
		"leap just over":       {36, 37, second - 62_504, 0},
		"leap of the past":     {36, 37, second - 62_506, 37 * time.Second},
		"none":                 {0, 0, 0, 0},
		"wrong":                {5, 5, 0, 5 * time.Second},
		"wrong, and negative":  {-1, -1, 0, -time.Second},
	} {
		d := goodFBClock()
		d.OffsetBefore, d.OffsetAfter, d.SmearStart = c.before, c.after, c.smear
		for _, options := range [][]Option{nil, {WithTAI()}, {WithUTCOffset(fakeTAI)}} {
			f := FBClock(FBClockPath, options...).(*fbclock)
			s, err := f.judge(d, rawLook{100, 200, d.Raw}, truetime.PollInfo{DriftPPM: 1})
			require.NoError(t, err, name)
			require.Equal(t, trueIn(f), s.Earliest.Add(s.Error), name)
			want := c.want
			if f.Info().Scale != truetime.ScaleTAI() {
				want = 0
			}
			require.Equal(t, want, s.TAIOffset, name)
		}
	}
}

func TestWhatIsNotFBClocksMemoryIsExplained(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	directory := t.TempDir()
	good := encodeFBClock(t, 2, goodFBClock())
	write := func(name string, b []byte) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		return path
	}
	pipe := filepath.Join(directory, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for path, want := range map[string]string{
		filepath.Join(directory, "none"): "there is no file",
		directory:                        "not a file with fbclock's shared memory",
		pipe:                             "not a file with fbclock's shared memory",
		"/dev/null":                      "not a file with fbclock's shared memory",
		write("empty", nil):              "0 bytes are not fbclock's shared memory",
		write("version1", good[:48]):     "48 bytes are not fbclock's shared memory of version 2",
		write("truncated", good[:127]):   "127 bytes are not",
		write("longer", append(good, 0)): "129 bytes are not",
		write("unwritten", make([]byte, fbclockSize)):               "has not written anything yet",
		write("torn", encodeFBClock(t, 3, goodFBClock())):           "writing at each of 100 attempts",
		write("swapped", binary.BigEndian.AppendUint64(nil, 2)[:8]): "8 bytes are not",
	} {
		_, err := FBClock(path).Sample(t.Context(), counter)
		require.ErrorContains(t, err, want)
	}
	for _, bad := range []string{"", "data_v2", "/run/\x00"} {
		require.ErrorContains(t, FBClock(bad).Info().Err, "not an absolute path", "%q", bad)
	}
	for _, bad := range []Option{WithInflation(0.9), WithInflation(1001), WithInflation(math.NaN()), WithAccuracy(1), WithDomain(1), WithBoundaryClocks(1)} {
		require.Error(t, FBClock(FBClockPath, bad).Info().Err)
	}
	require.ErrorContains(t, explainFBClock("/run/x", os.ErrPermission), "no permission to read /run/x")
	// One section is what it had at first.
	_, err = readFBClock(write("older", good[:fbclockSection]))
	require.NoError(t, err)
}

// While the memory is read it is written to by another goroutine, each time with one number in all fields, and is cut
// off now and then. What is read has one number.
func TestReadingIsNeverTornAndNeverFatal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data_v2")
	require.NoError(t, os.WriteFile(path, encodeFBClock(t, 0, fbclockData{}), 0o600))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := uint64(2); ; n += 2 {
			select {
			case <-stop:
				return
			default:
			}
			same := int64(n)
			d := fbclockData{Ingress: same, PHC: same, Raw: same, RatePPB: same, SmearStart: n, ErrorBound: uint32(n), Holdover: uint32(n)}
			b, _ := binary.Append(nil, binary.NativeEndian, d)
			_, _ = file.WriteAt(binary.NativeEndian.AppendUint64(nil, n-1), 0)
			if n%50 == 0 {
				_ = file.Truncate(20)
				_ = file.Truncate(fbclockSize)
			}
			_, _ = file.WriteAt(b[:30], fbclockSequence)
			_, _ = file.WriteAt(b[30:], fbclockSequence+30)
			_, _ = file.WriteAt(binary.NativeEndian.AppendUint64(nil, n), 0)
		}
	})
	read := 0
	for range 20_000 {
		d, err := readFBClock(path)
		if err != nil {
			continue
		}
		read++
		require.Equal(t, []int64{d.Raw, d.Raw, d.Raw, d.Raw, d.Raw, d.Raw},
			[]int64{d.Ingress, d.PHC, d.RatePPB, int64(d.SmearStart), int64(d.ErrorBound), int64(d.Holdover)})
	}
	close(stop)
	writer.Wait()
	require.Positive(t, read)
}
