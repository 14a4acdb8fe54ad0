package daemon

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd how the daemon is (sd_notify(3)). Without systemd every call does nothing.
type supervisor struct {
	socket   string // of systemd; empty if there is none
	mu       sync.Mutex
	ready    bool
	every    time.Duration // at least that often systemd wants to hear; 0 for never
	told     time.Time     // when it was told last
	toldText time.Time
}

// textEvery is how often systemd is told what its status shows.
const textEvery = 10 * time.Second

func newSupervisor() *supervisor {
	s := &supervisor{socket: os.Getenv("NOTIFY_SOCKET")}
	if every, err := systemd.SdWatchdogEnabled(false); err == nil {
		s.every = every
	}
	return s
}

// maxNotify is how long a full queue of its socket is waited for.
const maxNotify = time.Second

// notify tells systemd, if it is there and reads what it is told.
func (s *supervisor) notify(state string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(maxNotify))
	_, _ = c.Write([]byte(state))
}

// published is called after a publication of the clock, and only then: a clock that has got stuck leaves
// systemd without word, and so does a segment that has not grown since. It reports whether the daemon has
// become ready now.
func (s *supervisor) published(now time.Time, ready bool, grown func() bool, text func() string) (becameReady bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ready && !s.ready {
		s.ready, becameReady = true, true
		s.notify(systemd.SdNotifyReady)
	}
	if s.every > 0 && now.Sub(s.told) >= s.every/4 && grown() {
		s.told = now
		s.notify(systemd.SdNotifyWatchdog)
	}
	if s.socket != "" && (becameReady || now.Sub(s.toldText) >= textEvery) {
		s.toldText = now
		s.notify("STATUS=" + text())
	}
	return becameReady
}

func (s *supervisor) stopping() { s.notify(systemd.SdNotifyStopping) }

// reloading tells systemd that a configuration is being read (Type=notify-reload). The ready that follows
// says that this is over, not that ε is small enough: systemd has been told that already.
func (s *supervisor) reloading(read func() error) error {
	s.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, monotonicMicroseconds()))
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.ready {
			s.notify(systemd.SdNotifyReady)
		}
	}()
	return read()
}
