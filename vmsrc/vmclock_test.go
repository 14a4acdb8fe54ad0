package vmsrc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

func TestSampleIsTheReadingAsTwoFacts(t *testing.T) {
	require.Equal(t, truetime.Sample{
		Sent:     100,
		Latest:   1_000_030,
		Received: 170,
		Earliest: 999_970,
		Delay:    70 * time.Nanosecond,
		Claim:    30 * time.Nanosecond,
		Stratum:  0, // the protocol has none
		Leap:     truetime.LeapInsert,
	}, sample(vmclock.Reading{
		Before: 100, After: 170, UnixNano: 1_000_000, MaxError: 30,
		Marker: 5, Status: vmclock.StatusSynchronized, Leap: vmclock.LeapBeforePositive,
	}))
}

func TestOnlyALeapSecondToComeIsAnnounced(t *testing.T) {
	for from, to := range map[vmclock.Leap]truetime.Leap{
		vmclock.LeapNone:           truetime.LeapUnknown,
		vmclock.LeapBeforePositive: truetime.LeapInsert,
		vmclock.LeapBeforeNegative: truetime.LeapDelete,
		vmclock.LeapAfterPositive:  truetime.LeapUnknown,
		vmclock.LeapAfterNegative:  truetime.LeapUnknown,
	} {
		require.Equal(t, to, leap(from), from)
	}
}

func TestAMistakeInThePathIsReportedByTheClock(t *testing.T) {
	_, err := truetime.New([]truetime.Source{VMClock("")})
	require.ErrorContains(t, err, "the path of the VMClock device is empty")
	_, err = truetime.New([]truetime.Source{VMClock("/dev/vm\x00clock0")})
	require.ErrorContains(t, err, "NUL")

	source := VMClock(DefaultPath)
	require.Equal(t, "vmclock:/dev/vmclock0", source.Info().Name)
	require.NoError(t, source.Info().Err, "whether it exists is not looked at here")
}
