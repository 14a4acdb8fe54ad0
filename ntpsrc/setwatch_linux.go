package ntpsrc

import (
	"math"

	"golang.org/x/sys/unix"
)

// setWatch notices when anybody sets CLOCK_REALTIME: a timer that is due at the end of time, and is
// cancelled by that (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
type setWatch int

// noWatch watches nothing.
const noWatch setWatch = -1

func watchWallClock() (setWatch, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return noWatch, err
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		_ = unix.Close(fd)
		return noWatch, err
	}
	return setWatch(fd), nil
}

// wasSet reports whether the clock has been set since the watch began, or may have been. A timer
// that nothing has happened to has nothing to read.
func (w setWatch) wasSet() bool {
	var expirations [8]byte
	_, err := unix.Read(int(w), expirations[:])
	return err != unix.EAGAIN
}

func (w setWatch) close() {
	if w != noWatch {
		_ = unix.Close(int(w))
	}
}
