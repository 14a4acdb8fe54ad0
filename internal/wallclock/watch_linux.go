package wallclock

import (
	"math"

	"golang.org/x/sys/unix"
)

// Watch notices when anybody sets CLOCK_REALTIME: a timer that is due at the end of time, and is
// cancelled by that (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
type Watch int

// NoWatch watches nothing.
const NoWatch Watch = -1

// NewWatch begins to watch. It takes a file descriptor, which Close gives back.
func NewWatch() (Watch, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return NoWatch, err
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		_ = unix.Close(fd)
		return NoWatch, err
	}
	return Watch(fd), nil
}

// WasSet reports whether the clock has been set since the watch began, or may have been. A timer
// that nothing has happened to has nothing to read.
func (w Watch) WasSet() bool {
	var expirations [8]byte
	_, err := unix.Read(int(w), expirations[:])
	return err != unix.EAGAIN
}

// Close ends the watch.
func (w Watch) Close() {
	if w != NoWatch {
		_ = unix.Close(int(w))
	}
}
