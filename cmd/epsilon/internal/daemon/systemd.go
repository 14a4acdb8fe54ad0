package daemon

import (
	"fmt"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd how the daemon is (sd_notify(3)). Without systemd every call does nothing.
type supervisor struct {
	here     bool // there is a systemd
	ready    bool
	every    time.Duration // at least that often systemd wants to hear; 0 for never
	told     time.Time     // when it was told last
	toldText time.Time
}

// textEvery is how often systemd is told what its status shows.
const textEvery = 10 * time.Second

func newSupervisor() *supervisor {
	s := &supervisor{here: os.Getenv("NOTIFY_SOCKET") != ""}
	if every, err := systemd.SdWatchdogEnabled(false); err == nil {
		s.every = every
	}
	return s
}

func notify(state string) { _, _ = systemd.SdNotify(false, state) } // a supervisor that has gone cannot be told

// published is called after a publication of the clock, and only then: a clock that has got stuck leaves
// systemd without word, and so does a segment that has not grown since. It reports whether the daemon has
// become ready now.
func (s *supervisor) published(now time.Time, ready bool, grown func() bool, text func() string) (becameReady bool) {
	if ready && !s.ready {
		s.ready, becameReady = true, true
		notify(systemd.SdNotifyReady)
	}
	if s.every > 0 && now.Sub(s.told) >= s.every/4 && grown() {
		s.told = now
		notify(systemd.SdNotifyWatchdog)
	}
	if s.here && (becameReady || now.Sub(s.toldText) >= textEvery) {
		s.toldText = now
		notify("STATUS=" + text())
	}
	return becameReady
}

func (s *supervisor) stopping() { notify(systemd.SdNotifyStopping) }

// reloading tells systemd that a configuration is being read (Type=notify-reload). The ready that follows
// says that this is over, not that ε is small enough: systemd has been told that already.
func (s *supervisor) reloading(read func() error) error {
	notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, monotonicMicroseconds()))
	defer func() {
		if s.ready {
			notify(systemd.SdNotifyReady)
		}
	}()
	return read()
}
