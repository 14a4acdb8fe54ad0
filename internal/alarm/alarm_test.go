package alarm

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Both implementations, on the real clock. None of this depends on how late a timer is.
func TestTimers(t *testing.T) {
	for name, open := range map[string]func() Alarm{
		"of this system": func() Alarm { return Open(false) },
		"Go's":           func() Alarm { return newGoTimer() },
	} {
		t.Run(name+", not before", func(t *testing.T) {
			timer := open()
			defer timer.Close()
			for _, d := range []time.Duration{0, 1, 100 * time.Microsecond, 3 * time.Millisecond} {
				set := time.Now()
				timer.Set(d)
				require.True(t, timer.Wait())
				require.GreaterOrEqual(t, time.Since(set), d)
			}
		})
		t.Run(name+", set again", func(t *testing.T) {
			timer := open()
			defer timer.Close()
			timer.Set(time.Hour)
			go timer.Set(time.Millisecond) // while another one waits, more often than not
			require.True(t, timer.Wait())

			timer.Set(0)
			time.Sleep(time.Millisecond) // it has fired, most likely, and nobody has looked
			set := time.Now()
			timer.Set(5 * time.Millisecond)
			require.True(t, timer.Wait())
			require.GreaterOrEqual(t, time.Since(set), 5*time.Millisecond, "the earlier one is forgotten")
		})
		t.Run(name+", to what is over while somebody waits", func(t *testing.T) {
			timer := open()
			defer timer.Close()
			for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
				timer.Set(math.MaxInt64)
				ended := make(chan bool)
				go func() { ended <- timer.Wait() }()
				time.Sleep(time.Millisecond) // it waits, more often than not
				timer.Set(d)
				require.True(t, <-ended)
			}
		})
		t.Run(name+", while somebody begins to wait", func(t *testing.T) {
			timer := open()
			defer timer.Close()
			for i := range 500 {
				timer.Set(time.Duration(i%50) * 100 * time.Nanosecond)
				require.True(t, timer.Wait()) // one that is not noticed would be waited for for ever
			}
		})
		t.Run(name+", closed", func(t *testing.T) {
			timer := open()
			timer.Set(time.Hour)
			ended := make(chan bool)
			go func() { ended <- timer.Wait() }()
			timer.Close()
			require.False(t, <-ended)
		})
	}
}

func TestTimerInABubbleIsGos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timer := Open(false)
		defer timer.Close()
		require.IsType(t, &goTimer{}, timer)
		set := time.Now()
		timer.Set(time.Hour)
		require.True(t, timer.Wait())
		require.Equal(t, time.Hour, time.Since(set))
	})
}
