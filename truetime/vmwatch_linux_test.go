package truetime

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// vmPage is a VMClock page in a file, as Firecracker fills it in: no time, but the marker and the
// generation (byte offsets of struct vmclock_abi, Linux include/uapi/linux/vmclock-abi.h).
type vmPage struct{ *os.File }

const (
	vmMarker     = 16
	vmFlags      = 24
	vmGeneration = 104
)

func newVMPage(t *testing.T) vmPage {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "vmclock0"))
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	page := make([]byte, 4096)
	copy(page, "VCLK")
	binary.LittleEndian.PutUint32(page[4:], 4096)
	binary.LittleEndian.PutUint16(page[8:], 1)
	page[10] = 0xff // no counter
	binary.LittleEndian.PutUint64(page[vmFlags:], 1<<8)
	_, err = file.Write(page)
	require.NoError(t, err)
	return vmPage{file}
}

func (p vmPage) set(t *testing.T, at int64, value uint64) {
	t.Helper()
	_, err := p.WriteAt(binary.LittleEndian.AppendUint64(nil, value), at)
	require.NoError(t, err)
}

func TestHypervisorsDisruptionIsNoticedByTheNextAnswer(t *testing.T) {
	for want, disrupt := range map[string]func(*testing.T, vmPage){
		"the VMClock marker went from 0 to 7":                     func(t *testing.T, p vmPage) { p.set(t, vmMarker, 7) },
		"restored from a snapshot or cloned: its VMClock generat": func(t *testing.T, p vmPage) { p.set(t, vmGeneration, 3); p.set(t, vmMarker, 1) },
	} {
		synctest.Test(t, func(t *testing.T) {
			page := newVMPage(t)
			c := start(t, asSources(fakes(3)), WithVMClock(page.Name()))
			pass(10 * time.Second)
			requireTruth(t, c)
			require.Contains(t, c.Status().Counter, "VMClock watched at "+page.Name())

			disrupt(t, page)
			_, err := c.Now()
			require.ErrorIs(t, err, ErrNotSynchronized, "at once")
			require.EqualValues(t, 1, c.Status().Epoch, "before anybody has looked")

			pass(10 * time.Second)
			requireTruth(t, c)
			s := c.Status()
			require.EqualValues(t, 2, s.Epoch)
			require.Contains(t, s.Disruption, want)
		})
	}
}

// Status has no interval where Now has none but for its width, and who waits is told that the counter was disrupted and not
// that the interval is too wide.
func TestADisruptionThatNobodyHasLookedAtLeavesNoIntervalInStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := newVMPage(t)
		c := start(t, asSources(fakes(3)), WithVMClock(page.Name()))
		pass(10 * time.Second)
		page.set(t, vmMarker, 7)
		s := c.Status()
		require.ErrorIs(t, s.Err, ErrNotSynchronized)
		require.Zero(t, s.Interval)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.WaitSynchronized(ctx, time.Nanosecond)
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.NotErrorIs(t, err, ErrUncertaintyTooLarge)
	})
}

func TestVMClockThatCannotBeUsed(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short")
	require.NoError(t, os.WriteFile(short, []byte("VCLK"), 0o644))
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "absent"): "no such file or directory",
		short:                                "the file has 4 bytes",
	} {
		_, err := New([]Source{&answersAtOnce{}}, WithVMClock(path))
		require.ErrorContains(t, err, want)
	}

	for _, options := range [][]Option{nil, {WithVMClock("")}} { // not asked for, and turned off
		c, err := New([]Source{&answersAtOnce{}}, options...)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
}
