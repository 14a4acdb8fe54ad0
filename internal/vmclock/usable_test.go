package vmclock

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// judge says what is made of the page, at the given distance from its reference.
func judge(a abi, ticks int64) error {
	s := snapshot{page: a.page(), counter: 1, ticks: a.counterValue + uint64(ticks)}
	_, err := s.reading()
	return err
}

const lastOfJune = 1_782_863_999 // 2026-06-30 23:59:59 UTC

func TestEveryRefusalSaysWhy(t *testing.T) {
	tai := func(offset int16) func(*abi) {
		return func(a *abi) { a.timeType, a.flags, a.taiOffsetSec = 1, a.flags|bitTAIOffset, offset }
	}
	for name, c := range map[string]struct {
		change func(*abi)
		ticks  int64
		says   string
	}{
		"no counter":           {func(a *abi) { a.counterID = 255 }, 0, "gives no time, only the disruption marker"},
		"another counter":      {func(a *abi) { a.counterID = 0 }, 0, "this processor's has id"},
		"unknown counter":      {func(a *abi) { a.counterID = 7 }, 0, "counter with id 7"},
		"unknown status":       {func(a *abi) { a.clockStatus = 0 }, 0, "not synchronized: unknown"},
		"initializing":         {func(a *abi) { a.clockStatus = 1 }, 0, "not synchronized: initializing"},
		"unreliable":           {func(a *abi) { a.clockStatus = 4 }, 0, "not synchronized: unreliable"},
		"status beyond":        {func(a *abi) { a.clockStatus = 5 }, 0, "not synchronized: status 5"},
		"no bound of the time": {func(a *abi) { a.flags &^= bitTimeMaxError }, 0, "does not bound the error"},
		"no bound of the rate": {func(a *abi) { a.flags &^= bitPeriodMaxError }, 0, "does not bound the error"},
		"only estimates": {func(a *abi) { a.flags = bitPeriodEstError | bitTimeEstError },
			0, "does not bound the error"},
		"leap second":    {func(a *abi) { a.leapIndicator = 3 }, 0, "a leap second is passing"},
		"leap beyond":    {func(a *abi) { a.leapIndicator = 6 }, 0, "leap indicator 6 is not known"},
		"monotonic time": {func(a *abi) { a.timeType = 2 }, 0, "monotonic time, which is not UTC"},
		"smeared":        {func(a *abi) { a.timeType = 3 }, 0, "smeared or not known"},
		"maybe smeared":  {func(a *abi) { a.timeType = 4 }, 0, "smeared or not known"},
		"TAI, no offset": {func(a *abi) { a.timeType, a.taiOffsetSec = 1, -37 }, 0, "TAI and no valid offset"},
		"TAI +37":        {tai(37), 0, "an offset of +37 s from TAI to UTC cannot be"},
		"TAI 0":          {tai(0), 0, "an offset of +0 s"},
		"TAI -9":         {tai(-9), 0, "an offset of -9 s"},
		"TAI -101":       {tai(-101), 0, "an offset of -101 s"},
		"TAI least":      {tai(math.MinInt16), 0, "an offset of -32768 s"},

		"after 2200":         {func(a *abi) { a.timeSec = 7_258_118_401 }, 0, "after the year 2200"},
		"seconds overflow":   {func(a *abi) { a.timeSec = math.MaxUint64 }, 0, "after the year 2200"},
		"shift":              {func(a *abi) { a.counterPeriodShift = 64 }, 0, "shifted by 64 bits"},
		"no period":          {func(a *abi) { a.counterPeriodFracSec = 0 }, 0, "period of the counter is 0"},
		"perfect oscillator": {func(a *abi) { a.counterPeriodMaxErrorRate = 0 }, 0, "no oscillator is perfect"},
		"perfect clock":      {func(a *abi) { a.timeMaxErrorNanosec = 0 }, 0, "no clock is perfect"},
		"huge error":         {func(a *abi) { a.timeMaxErrorNanosec = math.MaxUint64 }, 0, "error of the time is 18446744073709551615 ns"},
		"long ago":           {func(*abi) {}, math.MaxInt64, "more than 87600h0m0s away"},
		"far ahead":          {func(*abi) {}, math.MinInt64, "more than 87600h0m0s away"},
		"a bit far ahead":    {func(*abi) {}, -1025, "ahead of the counter"},
		"error grown":        {func(a *abi) { a.counterPeriodMaxErrorRate = math.MaxUint64; a.counterPeriodFracSec = 1 }, 1 << 40, "error has grown beyond 87600h0m0s"},

		"into an inserted leap second": {func(a *abi) { a.timeSec, a.leapIndicator = lastOfJune-1, 1 }, 1024, "before a positive leap second"},
		"into a deleted leap second":   {func(a *abi) { a.timeSec, a.leapIndicator = lastOfJune-1, 2 }, 512, "before a negative leap second"},
		"back into a leap second":      {func(a *abi) { a.timeSec, a.leapIndicator = lastOfJune+1, 4 }, -900, "after a positive leap second"},
		"wide into a leap second": {func(a *abi) { a.timeSec, a.leapIndicator, a.timeMaxErrorNanosec = lastOfJune-3600, 1, 3600e9 },
			0, "before a positive leap second"},
	} {
		t.Run(name, func(t *testing.T) {
			a := good()
			require.NoError(t, judge(a, 0))
			c.change(&a)
			err := judge(a, c.ticks)
			require.ErrorIs(t, err, ErrNoTime)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*abi)
		ticks  int64
	}{
		"free-running":                {func(a *abi) { a.clockStatus = 3 }, 0},
		"TAI -37":                     {func(a *abi) { a.timeType, a.flags, a.taiOffsetSec = 1, a.flags|bitTAIOffset, -37 }, 0},
		"a smearing hint":             {func(a *abi) { a.smearingHint = 1 }, 0},
		"flags of the future":         {func(a *abi) { a.flags |= 1<<63 | bitNotification }, 0},
		"UTC with a foreign offset":   {func(a *abi) { a.flags |= bitTAIOffset; a.taiOffsetSec = 37 }, 0},
		"a second ahead":              {func(*abi) {}, -1024},
		"days old":                    {func(*abi) {}, 1024 * 86400 * 9},
		"before a leap second":        {func(a *abi) { a.leapIndicator = 1 }, 0},
		"after a leap second":         {func(a *abi) { a.leapIndicator = 4 }, 0},
		"just before a leap second":   {func(a *abi) { a.leapIndicator, a.timeSec = 2, lastOfJune-1 }, 511},
		"a month without leap second": {func(a *abi) { a.timeSec = lastOfJune }, 1 << 20},
		"the shift that is just sane": {func(a *abi) { a.counterPeriodShift = 63 }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			a := good()
			c.change(&a)
			require.NoError(t, judge(a, c.ticks))
		})
	}
}

func TestReadingReportsWhatThePageSays(t *testing.T) {
	a := good()
	a.clockStatus, a.leapIndicator = 3, 2
	s := snapshot{page: a.page(), before: 10, counter: 1, ticks: a.counterValue, after: 20}
	r, err := s.reading()
	require.NoError(t, err)
	require.Equal(t, Reading{
		Before: 10, After: 20,
		UnixNano: half, MaxError: 100, PeriodMaxErrorPPM: 1e6 / (1 << 20),
		Marker: 77, Generation: 5, HasGeneration: true,
		Status: StatusFreeRunning, Leap: LeapBeforeNegative,
	}, r)

	a.flags &^= bitGeneration
	s.page = a.page()
	r, err = s.reading()
	require.NoError(t, err)
	require.False(t, r.HasGeneration)
	require.Zero(t, r.Generation, "a number that nobody maintains is not shown")

	s.before, s.after = 20, 10
	_, err = s.reading()
	require.ErrorContains(t, err, "counter went back by 10ns")
	require.NotErrorIs(t, err, ErrNoTime)
}

func TestNames(t *testing.T) {
	require.Equal(t, "synchronized", StatusSynchronized.String())
	require.Equal(t, "status 9", Status(9).String())
	require.Equal(t, "none", LeapNone.String())
	require.Equal(t, "after a negative leap second", LeapAfterNegative.String())
	require.Equal(t, "leap indicator 6", Leap(6).String())
	require.Less(t, 2*maxSpan+time.Hour, time.Duration(math.MaxInt64-maxSeconds*nanos)-maxSpan, "no sum can overflow")
}

// VIRTIO_RTC_COUNTER_ARM_VCNT and VIRTIO_RTC_COUNTER_X86_TSC.
func TestTheCounterIsThatOfTheProcessor(t *testing.T) {
	want, known := map[string]uint8{"arm64": 0, "amd64": 1}[runtime.GOARCH]
	if !known {
		want = 255
	}
	require.Equal(t, want, ownCounter())
}
