package wallclock

import (
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Watch notices when anybody sets CLOCK_REALTIME. It costs one system call to begin it and one to
// ask it. The zero Watch has seen nothing, and says that it may have been set.
type Watch struct{ begun uint64 }

// setting is the timer that all watches of the process stand on: one that is due at the end of
// time, and is cancelled when the clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). There
// is one such clock, so there is one timer, for life: one for each source would cost a descriptor
// each, and one for each exchange four system calls.
var setting struct {
	sync.Mutex
	fd    int
	count uint64 // one more than how often it was found cancelled; 0 if there is none yet
}

// NewWatch begins to watch.
func NewWatch() (Watch, error) {
	setting.Lock()
	defer setting.Unlock()
	if setting.count == 0 {
		fd, err := openSetting()
		if err != nil {
			return Watch{}, err
		}
		setting.fd, setting.count = fd, 1
	}
	return Watch{settings()}, nil
}

func openSetting() (int, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return 0, err
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		_ = unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// settings counts how often the clock was found to have been set. The lock is held.
func settings() uint64 {
	var expirations [8]byte
	// A timer that nothing has happened to has nothing to read. The read that fails because it was
	// cancelled makes it notice the next time (fs/timerfd.c, timerfd_canceled). Whatever else may
	// come counts as well.
	for {
		// It never waits: see linux for why it is raw.
		_, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(setting.fd), uintptr(unsafe.Pointer(&expirations[0])), uintptr(len(expirations)))
		if errno != unix.EINTR {
			if errno != unix.EAGAIN {
				setting.count++
			}
			return setting.count
		}
	}
}

// WasSet reports whether the clock has been set since the watch began, or may have been.
func (w Watch) WasSet() bool {
	setting.Lock()
	defer setting.Unlock()
	return w.begun == 0 || settings() != w.begun
}
