package ptpsrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// hostPHC is the host's PTP hardware clocks.
type hostPHC struct{}

func (hostPHC) path(device string) (string, error) {
	if filepath.IsAbs(device) {
		return device, nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("ask for the hardware clock of interface %s: %w", device, os.NewSyscallError("socket", err))
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolTsInfo(fd, device) // ETHTOOL_GET_TS_INFO
	switch {
	case errors.Is(err, syscall.ENODEV):
		return "", fmt.Errorf("there is no network interface %s: %w", device, err)
	case err != nil && !errors.Is(err, syscall.EOPNOTSUPP):
		return "", fmt.Errorf("ask for the hardware clock of interface %s: %w", device, err)
	case err != nil || info.Phc_index < 0:
		return "", unusable("interface %s has no PTP hardware clock", device)
	}
	return fmt.Sprintf("/dev/ptp%d", info.Phc_index), nil
}

// open waits for nobody, whatever kind of file there is.
func (hostPHC) open(path string) (phcDevice, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return &linuxPHC{fd: fd}, nil
}

func (hostPHC) raw() (int64, error) {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &now)
	return now.Nano(), err
}

func (hostPHC) clocks(counter monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Read(counter)
}

func (hostPHC) clocksWallLast(counter monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.ReadWallLast(counter)
}

func (hostPHC) readFirst(counter monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.ReadFirst(counter)
}

func (hostPHC) readLast(counter monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.ReadLast(counter)
}

func (hostPHC) watch() (wallWatch, error) { return wallclock.NewWatch() }

// linuxPHC is an open device of class ptp.
type linuxPHC struct{ fd int }

func (d *linuxPHC) close() { _ = unix.Close(d.fd) }

// identity is the device's number.
func (d *linuxPHC) identity() string {
	var s unix.Stat_t
	if err := unix.Fstat(d.fd, &s); err != nil {
		return ""
	}
	return fmt.Sprintf("PHC %d:%d", unix.Major(uint64(s.Rdev)), unix.Minor(uint64(s.Rdev)))
}

// The ioctls of include/uapi/linux/ptp_clock.h. Those numbers are used that came first: later ones,
// whose names end in 2, do the same and are unknown to older kernels. Of ptp_sys_offset_extended
// the second word is the id of the clock to read, from Linux 6.12 on; before, it had to be 0, which
// is CLOCK_REALTIME.
const (
	ptpSysOffsetPrecise  = unix.PTP_SYS_OFFSET_PRECISE
	ptpSysOffsetExtended = unix.PTP_SYS_OFFSET_EXTENDED
)

func (d *linuxPHC) precise() (phcStamp, error) {
	var p unix.PtpSysOffsetPrecise
	if err := d.ioctl(ptpSysOffsetPrecise, unsafe.Pointer(&p)); err != nil {
		return phcStamp{}, err
	}
	raw := nanoseconds(p.Monoraw)
	return phcStamp{raw, nanoseconds(p.Device), raw}, nil
}

func (d *linuxPHC) extended(by systemClock) ([]phcStamp, error) {
	x := unix.PtpSysOffsetExtended{Samples: phcSamples, Clockid: unix.CLOCK_REALTIME}
	if by == byRaw {
		x.Clockid = unix.CLOCK_MONOTONIC_RAW
	}
	if err := d.ioctl(ptpSysOffsetExtended, unsafe.Pointer(&x)); err != nil {
		return nil, err
	}
	stamps := make([]phcStamp, min(x.Samples, phcSamples))
	for i := range stamps {
		stamps[i] = phcStamp{nanoseconds(x.Ts[i][0]), nanoseconds(x.Ts[i][1]), nanoseconds(x.Ts[i][2])}
	}
	return stamps, nil
}

func (d *linuxPHC) ioctl(request uintptr, argument unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), request, uintptr(argument))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return os.NewSyscallError("ioctl", errno)
		}
	}
}

// nanoseconds is −1 for what does not fit, which no check lets pass.
func nanoseconds(t unix.PtpClockTime) int64 {
	if t.Sec < 0 || t.Sec > maxSeconds || t.Nsec >= 1e9 {
		return -1
	}
	return t.Sec*1e9 + int64(t.Nsec)
}

func (d *linuxPHC) read() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.FdToClockID(d.fd), &t); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return nanoseconds(unix.PtpClockTime{Sec: int64(t.Sec), Nsec: uint32(t.Nsec)}), nil
}

// errorBound reads the file that Amazon's driver has for it, beside those of the network card
// (Documentation/networking/device_drivers/ethernet/amazon/ena.rst): a number of nanoseconds.
func (d *linuxPHC) errorBound() (time.Duration, error) {
	var s unix.Stat_t
	if err := unix.Fstat(d.fd, &s); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return readErrorBound(fmt.Sprintf("/sys/dev/char/%d:%d/device/phc_error_bound", unix.Major(uint64(s.Rdev)), unix.Minor(uint64(s.Rdev))))
}

func readErrorBound(path string) (time.Duration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	bound, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return time.Duration(bound), nil
}

// explainDevice says in one sentence why a device cannot be read and what to do.
func explainDevice(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission to read %s: run as root, or let a udev rule give it to a group: %w", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no device %s: the driver has no PTP hardware clock, or it is not enabled: %w", path, err)
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOTTY):
		return fmt.Errorf("%s is not a PTP hardware clock: %w", path, err)
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("the device %s is gone: %w", path, err)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("the device %s is busy: it may be read less often than it is: %w", path, err)
	default:
		return fmt.Errorf("reading %s: %w", path, err)
	}
}
