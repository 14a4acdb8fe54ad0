package monotonic

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/localcounter"
)

func TestWithoutACounterTheErrorSaysSoAndWhy(t *testing.T) {
	reason := errors.New("reading CLOCK_MONOTONIC_RAW failed")
	counter, err := systemCounter(nil, reason)
	require.Nil(t, counter)
	require.ErrorIs(t, err, ErrNoCounter)
	require.ErrorIs(t, err, reason)
}

// A clock watches the machine's counter. What wraps it may read otherwise, and is not taken for it.
func TestTheMachinesCounterIsFoundInSystemAndRawAndInNothingElse(t *testing.T) {
	for name, open := range map[string]func() (Counter, error){"System": System, "Raw": Raw} {
		counter, err := open()
		require.NoError(t, err, name)
		require.NotNil(t, localcounter.Of(counter), name)
		require.Nil(t, localcounter.Of(struct{ Counter }{counter}), name)
	}
	require.Nil(t, localcounter.Of(&Manual{}))
	require.Nil(t, localcounter.Of(nil))
}

func TestTheCounterSaysHowItIsReadAndHowFinely(t *testing.T) {
	counter, err := Raw()
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(counter), "the processor's counter is not used: not asked for")
	require.GreaterOrEqual(t, Resolution(counter), time.Nanosecond)
	require.Equal(t, time.Nanosecond, Resolution(&Manual{}))
}
