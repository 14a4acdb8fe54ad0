package commitwait

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Both implementations, on the real clock. None of this depends on how late a timer is.
func TestTimers(t *testing.T) {
	for name, open := range map[string]func() timer{
		"of this system": func() timer { return openTimer(false) },
		"Go's":           func() timer { return newGoTimer() },
	} {
		t.Run(name+", not before", func(t *testing.T) {
			timer := open()
			defer timer.close()
			for _, d := range []time.Duration{0, 1, 100 * time.Microsecond, 3 * time.Millisecond} {
				set := time.Now()
				timer.set(d)
				require.True(t, timer.wait())
				require.GreaterOrEqual(t, time.Since(set), d)
			}
		})
		t.Run(name+", set again", func(t *testing.T) {
			timer := open()
			defer timer.close()
			timer.set(time.Hour)
			go timer.set(time.Millisecond) // while another one waits, more often than not
			require.True(t, timer.wait())

			timer.set(0)
			time.Sleep(time.Millisecond) // it has fired, most likely, and nobody has looked
			set := time.Now()
			timer.set(5 * time.Millisecond)
			require.True(t, timer.wait())
			require.GreaterOrEqual(t, time.Since(set), 5*time.Millisecond, "the earlier one is forgotten")
		})
		t.Run(name+", while somebody begins to wait", func(t *testing.T) {
			timer := open()
			defer timer.close()
			for i := range 500 {
				timer.set(time.Duration(i%50) * 100 * time.Nanosecond)
				require.True(t, timer.wait()) // one that is not noticed would be waited for for ever
			}
		})
		t.Run(name+", closed", func(t *testing.T) {
			timer := open()
			timer.set(time.Hour)
			ended := make(chan bool)
			go func() { ended <- timer.wait() }()
			timer.close()
			require.False(t, <-ended)
		})
	}
}

func TestTimerInABubbleIsGos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timer := openTimer(false)
		defer timer.close()
		require.IsType(t, &goTimer{}, timer)
		set := time.Now()
		timer.set(time.Hour)
		require.True(t, timer.wait())
		require.Equal(t, time.Hour, time.Since(set))
	})
}
