//go:build linux

package machine

import (
	"testing"
)

func TestMachineBootsAndAnswers(t *testing.T) {
	m := Start(t, Config{})
	t.Log(m.Do("read /proc/version"))
	t.Log(m.Do("read /sys/devices/system/clocksource/clocksource0/available_clocksource"))
	t.Log(m.Do("read /sys/power/state"), m.Do("read /sys/power/mem_sleep"))
	t.Log(m.Do("read /proc/cpuinfo"))
}
