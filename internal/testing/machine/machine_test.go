//go:build linux

package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A judge that finds nothing wrong with a clock that follows a lying majority would find nothing at all.
func TestLyingMajorityIsFoundWrongFromOutside(t *testing.T) {
	boots(t)
	var servers []string
	for _, offset := range []time.Duration{time.Second, time.Second, 0} {
		server, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Offset: offset})
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		servers = append(servers, server.Address())
	}
	w := Watch(t, Start(t, Config{Servers: servers}))
	a := w.Until(t, settleLimit, "an answer that is wrong", func(a Answer) bool { return a.Wrong() > 0 })
	require.LessOrEqual(t, a.Wrong(), time.Second)
}

func TestWhatTheGuestCannotDoIsAnError(t *testing.T) {
	boots(t)
	m := Start(t, Config{})
	_, err := m.Ask(t.Context(), "dance")
	require.ErrorContains(t, err, `the guest: "dance" is none of the requests`)
	_, err = m.Ask(t.Context(), "read /nowhere")
	require.ErrorContains(t, err, "no such file")
	a, err := m.Now(t.Context())
	require.NoError(t, err)
	require.Equal(t, "there is no clock", a.Refused)
	require.Equal(t, "hpet", m.Do("read /sys/devices/system/clocksource/clocksource0/current_clocksource"))
}
