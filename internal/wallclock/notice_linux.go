package wallclock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Notice tells at once when anybody sets CLOCK_REALTIME, to a goroutine that waits for it. A [Watch]
// is for who asks when it suits him, and costs no descriptor.
type Notice struct{ timer *os.File }

// NewNotice begins to wait.
func NewNotice() (*Notice, error) {
	fd, err := openSetting()
	if err != nil {
		return nil, err
	}
	return &Notice{os.NewFile(uintptr(fd), "timerfd of CLOCK_REALTIME")}, nil
}

// Wait returns true when the clock has been set since the last Wait, and false after Close. It is
// for one goroutine at a time.
func (n *Notice) Wait() bool {
	var expirations [8]byte
	_, err := n.timer.Read(expirations[:])
	return err == nil || errors.Is(err, unix.ECANCELED)
}

// Close ends Wait.
func (n *Notice) Close() error { return n.timer.Close() }
