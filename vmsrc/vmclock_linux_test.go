//go:build amd64 || arm64

package vmsrc

import (
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

const noon = 1_784_116_800 // 2026-07-15 12:00:00 UTC

// content is a page that says noon, ±1 µs, whatever the counter says: a tick is 2⁻¹²⁷ s. The layout
// is that of struct vmclock_abi, Linux include/uapi/linux/vmclock-abi.h.
func content() []byte {
	b, le := make([]byte, 4096), binary.LittleEndian
	le.PutUint32(b[0:], 0x4b4c4356) // magic
	le.PutUint32(b[4:], 4096)       // size
	le.PutUint16(b[8:], 1)          // version
	if runtime.GOARCH == "amd64" {
		b[10] = 1 // counter_id: X86_TSC, where ARM_VCNT is 0
	}
	le.PutUint64(b[24:], 1<<4|1<<6) // flags: both maximum errors are valid
	b[34] = 2                       // clock_status: synchronized
	b[39] = 63                      // counter_period_shift
	le.PutUint64(b[48:], 1)         // counter_period_frac_sec
	le.PutUint64(b[64:], 1)         // counter_period_maxerror_rate_frac_sec
	le.PutUint64(b[72:], noon)      // time_sec
	le.PutUint64(b[96:], 1000)      // time_maxerror_nanosec
	return b
}

func write(t *testing.T, path string, page []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, page, 0o644))
}

// replace puts another file in the place of the one that may be mapped.
func replace(t *testing.T, path string, page []byte) {
	t.Helper()
	write(t, path+".new", page)
	require.NoError(t, os.Rename(path+".new", path))
}

// requireCounter skips the test where the processor's counter cannot carry a bound.
func requireCounter(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vmclock0")
	write(t, path, content())
	_, err := VMClock(path).Sample(t.Context(), system(t))
	if err != nil && (strings.Contains(err.Error(), "hardware counter cannot be read") || strings.Contains(err.Error(), "kernel")) {
		t.Skip(err)
	}
}

func system(t *testing.T) monotonic.Counter {
	t.Helper()
	c, err := monotonic.System()
	require.NoError(t, err)
	return c
}

// requireTime requires a sample that says what content does.
func requireTime(t *testing.T, sample truetime.Sample, err error) {
	t.Helper()
	require.NoError(t, err)
	require.Equal(t, time.Microsecond, sample.Claim.Truncate(time.Microsecond))
	require.Equal(t, sample.Received.Sub(sample.Sent), sample.Delay)
	require.Positive(t, sample.Delay)
	require.LessOrEqual(t, sample.Earliest, truetime.Time(noon*1e9-1000))
	require.GreaterOrEqual(t, sample.Latest, truetime.Time(noon*1e9+1000))
	require.Equal(t, 2*sample.Claim, sample.Latest.Sub(sample.Earliest))
	require.Zero(t, sample.Stratum)
}

func TestADeviceThatAppearsLaterIsFound(t *testing.T) {
	requireCounter(t)
	path := filepath.Join(t.TempDir(), "vmclock0")
	source, counter := VMClock(path), system(t)
	for range 2 {
		_, err := source.Sample(t.Context(), counter)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NotErrorIs(t, err, truetime.ErrUnusable, "nothing answered")
		require.ErrorContains(t, err, path)
	}
	write(t, path, content())
	for range 2 {
		sample, err := source.Sample(t.Context(), counter)
		requireTime(t, sample, err)
	}
}

func TestADeviceWithoutTimeIsUnusable(t *testing.T) {
	requireCounter(t)
	path := filepath.Join(t.TempDir(), "vmclock0")
	firecracker := content()
	firecracker[10], firecracker[34] = 255, 0
	write(t, path, firecracker)
	source, counter := VMClock(path), system(t)
	_, err := source.Sample(t.Context(), counter)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorIs(t, err, vmclock.ErrNoTime)
	require.ErrorContains(t, err, "only the disruption marker")

	// It may give the time later: the same page, so there is nothing to open again.
	device := source.(*vmClock).device
	write(t, path, content())
	sample, err := source.Sample(t.Context(), counter)
	requireTime(t, sample, err)
	require.Same(t, device, source.(*vmClock).device)
}

func TestADeviceThatFailedIsOpenedAgain(t *testing.T) {
	requireCounter(t)
	path := filepath.Join(t.TempDir(), "vmclock0")
	stuck := content()
	stuck[12] = 1 // seq_count: an update that never ends
	write(t, path, stuck)
	source, counter := VMClock(path), system(t)
	_, err := source.Sample(t.Context(), counter)
	require.ErrorIs(t, err, vmclock.ErrBusy)
	require.NotErrorIs(t, err, truetime.ErrUnusable)

	replace(t, path, content())
	sample, err := source.Sample(t.Context(), counter)
	requireTime(t, sample, err)
}

func TestAnEndedContextIsRespected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmclock0")
	write(t, path, content())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	source := VMClock(path)
	_, err := source.Sample(ctx, system(t))
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, source.(*vmClock).device, "not even opened")
}

// The clock synchronizes to the page alone, and its answer contains what the page says.
func TestAClockCanStandOnThePage(t *testing.T) {
	requireCounter(t)
	path := filepath.Join(t.TempDir(), "vmclock0")
	write(t, path, content())
	clock, err := truetime.New([]truetime.Source{VMClock(path)})
	require.NoError(t, err)
	defer clock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // it takes no time at all
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, time.Hour))
	status := clock.Status()
	require.Len(t, status.Sources, 1)
	require.Equal(t, "vmclock:"+path, status.Sources[0].Name)
	require.NoError(t, status.Sources[0].Err)
}

// A device is opened once for all, and read for one clock at a time.
func TestVMClockServesSeveralClocksAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmclock0")
	write(t, path, content())
	source := VMClock(path)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var counter monotonic.Manual
			for range 50 {
				if s, err := source.Sample(t.Context(), &counter); err == nil && s.Sent != counter.Now() {
					t.Errorf("%+v", s)
				}
			}
		})
	}
	all.Wait()
}
