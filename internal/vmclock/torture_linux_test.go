//go:build amd64 || arm64

package vmclock

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/internal/ticks"
)

// The hypervisor is another process, as it is in reality: this test binary, started again with the
// path of the page in its environment.
const writerVariable = "EPSILON_VMCLOCK_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		os.Exit(beHypervisor(path))
	}
	os.Exit(m.Run())
}

// numbered is a page of which every field but the constant ones follows from n, so that a mixture
// of two pages can be told from either. All of them are on one line: true time is T0 + 1 ns per
// tick from the reference.
func numbered(base abi, n uint64) abi {
	a := base
	back := n % 1024 * 1_000_000 // the reference is up to a second before that of base
	a.counterValue -= back
	nanos := uint64(half) - back
	a.timeSec = nanos / 1_000_000_000
	// In units of 2⁻³⁴ s, so that the line is less than 0.1 ns too low and never too high.
	a.timeFracSec = nanos % 1_000_000_000 * (1 << 34) / 1_000_000_000 << 30
	a.disruptionMarker = n
	a.vmGenerationCounter = ^n
	a.timeMaxErrorNanosec = 1 + n%(1<<20)<<20
	a.flags = bitPeriodMaxError | bitTimeMaxError | bitTAIOffset | n%2*bitGeneration
	a.clockStatus = uint8(2 + n/2%2)
	a.leapIndicator = []uint8{0, 4, 5}[n%3]
	a.taiOffsetSec = -10 - int16(n%90)
	a.timeSec += uint64(-a.taiOffsetSec)
	return a
}

// beHypervisor updates the page for ever, with rests of different lengths, and without: a reader
// that never finds an even count proves nothing. It ends with its standard input, so that it does
// not outlive a test that is killed.
func beHypervisor(path string) int {
	memory, err := mapWritable(path)
	if err != nil {
		return 1
	}
	live := (*livePage)(unsafe.Pointer(unsafe.SliceData(memory)))
	base := tortureBase(live[5].Load()) // of page 0
	var orphaned atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		orphaned.Store(true)
	}()
	for n := uint64(1); !orphaned.Load(); n++ {
		live.update(numbered(base, n))
		if n == 1 {
			_, _ = os.Stdout.WriteString("writing\n")
		}
		for range n * 2654435761 >> 7 % 16384 { // without a load, which the race detector would make 50 times as long
		}
	}
	return 0
}

// tortureBase is the page that numbered starts from.
func tortureBase(counterValue uint64) abi {
	a := good()
	a.timeType = 1 // TAI
	a.counterPeriodFracSec, a.counterPeriodShift = 0x89705F4136B4A597, 29
	a.counterPeriodMaxErrorRate = 1
	a.counterID, a.counterValue = ownCounter(), counterValue
	return a
}

func startHypervisor(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+path)
	_, err := cmd.StdinPipe() // stays open as long as we live
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the writer did not start")
	require.Equal(t, "writing\n", line)
}

// Another process changes the page as fast as it can while many goroutines read it. None of them
// ever sees a mixture of two states, and none of them hangs.
func TestNoReaderEverSeesATornPage(t *testing.T) {
	requireUsable(t)
	base := tortureBase(ticks.Read())
	path, _ := pageFile(t, numbered(base, 0))
	startHypervisor(t, path)
	d := open(t, path)

	// Until enough updates have been seen, which takes a fraction of a second. The limit only
	// matters if the machine hardly lets the writer run.
	const readers, most = 4, 1_000_000
	enough := int64(race.Count(20_000, 5000))
	var consistent, busy, changes, retries atomic.Int64
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			var last uint64
			for range most {
				if changes.Load() >= enough {
					return
				}
				before := d.Marker()
				r, err := d.read(hardware{})
				after := d.Marker()
				if errors.Is(err, ErrBusy) {
					busy.Add(1)
					continue
				}
				if err != nil {
					t.Errorf("an update was taken for no time: %v", err)
					return
				}
				if torn := tornBy(base, r); torn != "" {
					t.Errorf("torn: %s: %+v", torn, r)
					return
				}
				if r.Marker < before || r.Marker > after || before < last {
					t.Errorf("the markers %d, %d, %d, %d are not in order", last, before, r.Marker, after)
					return
				}
				if r.Marker != last {
					changes.Add(1)
				} else {
					_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // let the writer run
				}
				if after != r.Marker {
					retries.Add(1)
				}
				consistent.Add(1)
				last = after
			}
		})
	}
	wg.Wait()
	t.Logf("%d consistent, %d busy, %d different, %d changed right afterwards", consistent.Load(), busy.Load(), changes.Load(), retries.Load())
	require.GreaterOrEqual(t, changes.Load(), enough/20, "too few updates were seen for this to prove anything")
}

// tornBy says which field does not belong to the page that the marker names.
func tornBy(base abi, r Reading) string {
	want := numbered(base, r.Marker)
	// The reference of every page lies on the line through base; 1 tick is 1 ns.
	earliest := half + int64(uint64(r.Before)-base.counterValue)
	latest := half + int64(uint64(r.After)-base.counterValue)
	generation := want.vmGenerationCounter * (r.Marker % 2)
	const roundings = 4
	switch {
	case r.HasGeneration != (r.Marker%2 == 1):
		return "flags"
	case r.Generation != generation:
		return "generation"
	case r.Status != Status(want.clockStatus):
		return "status"
	case r.Leap != Leap(want.leapIndicator):
		return "leap indicator"
	case uint64(r.MaxError) < want.timeMaxErrorNanosec || uint64(r.MaxError) > want.timeMaxErrorNanosec+roundings:
		return "maximum error"
	case r.UnixNano < earliest-roundings || r.UnixNano > latest:
		return "time, counter value or offset"
	}
	return ""
}
