package hostclock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/truetime"
)

// What the header in C returns.
const (
	cOK = iota
	cSystem
	cForeign
	cVersion
	cOtherBoot
	cCounter
	cUnsynchronized
	cFaulty
	cTooWide
	cOwner
	cVMClock
)

// buildC compiles a program on the header in C, and skips the test where there is no compiler.
func buildC(t testing.TB, name string) (binary string) {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skipf("the C header is not tested here: %v", err)
	}
	binary = filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), compiler, "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-o", binary, "c/"+name+".c").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// cReader is a process that reads once for each line that it is sent.
type cReader struct {
	ask    io.Writer
	answer *bufio.Reader
}

func startC(t *testing.T, binary string, arguments ...string) cReader {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, arguments...)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Wait()
	})
	return cReader{stdin, bufio.NewReader(stdout)}
}

// read returns the result, the interval, and the counter before and after.
func (c cReader) read(t *testing.T) (result int, before, earliest, latest, after int64) {
	t.Helper()
	_, err := c.ask.Write([]byte{'\n'})
	require.NoError(t, err)
	_, err = fmt.Fscanln(c.answer, &result, &before, &earliest, &latest, &after)
	require.NoError(t, err)
	return result, before, earliest, latest, after
}

func (c cReader) result(t *testing.T) int {
	t.Helper()
	result, _, _, _, _ := c.read(t)
	return result
}

func (c cReader) requireTrue(t *testing.T) {
	t.Helper()
	result, before, earliest, latest, after := c.read(t)
	require.Equal(t, cOK, result)
	require.LessOrEqual(t, earliest, after+ahead)
	require.GreaterOrEqual(t, latest, before+ahead)
}

// requireSoon reads for as long as the result is the one before: the header looks at the host once a second.
func (c cReader) requireSoon(t *testing.T, before, is int) {
	t.Helper()
	result := before
	for result == before {
		result = c.result(t)
	}
	require.Equal(t, is, result)
}

// The header in C reads what this package writes: true answers of publications that follow each other without a pause, and of
// a dead writer's past its bends, and the refusals.
func TestTheCHeaderReadsWhatGoWrites(t *testing.T) {
	binary := buildC(t, "read")
	w := newWriter(t, clockPath(t), nil)
	c := startC(t, binary, w.path)
	for range 200 {
		c.requireTrue(t)
		c.requireTrue(t)
		w.write(nil)
	}
	// Past the bends, with rates that are wrong before them.
	w.write(func(r *record) {
		for _, e := range []int64{1, -1} {
			edge := &r.Shown.Lower
			if e > 0 {
				edge = &r.Shown.Upper
			}
			edge.Until = r.Shown.From
			edge.Time = ahead + int64(edge.At) + e*1000
		}
	})
	c.requireTrue(t)
	for state, is := range map[truetime.State]int{truetime.Unsynchronized: cUnsynchronized, truetime.ClockFaulty: cFaulty} {
		w.write(func(r *record) { r.State, r.Answers = uint8(state), false })
		require.Equal(t, is, c.result(t))
	}
	w.write(func(r *record) { r.MaxWidth = 0 })
	require.Equal(t, cTooWide, c.result(t))
	w.write(func(r *record) { r.State = 200 })
	require.Equal(t, cForeign, c.result(t))
	w.write(func(r *record) { r.Shown.Upper.Time = math.MaxInt64 })
	require.Equal(t, cForeign, c.result(t))
	w.write(nil)
	c.requireTrue(t)

	out, err := exec.CommandContext(t.Context(), binary, w.path+".not").Output()
	require.Error(t, err)
	require.Equal(t, fmt.Sprintf("open %d\n", cSystem), string(out))
}

// What has happened to the counter since the record shows to the header in C as it does to a Clock.
func TestTheCHeaderRefusesADisruptedCounter(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	c := startC(t, buildC(t, "read"), w.path)
	epoch := uint64(1)
	disrupted := func(change func(*record)) int {
		epoch++
		w.write(func(r *record) { r.Epoch = epoch; change(r) })
		return c.result(t)
	}
	require.Equal(t, cUnsynchronized, disrupted(func(r *record) {
		r.Counter.SuspensionKnown, r.Counter.SuspendedLeast, r.Counter.SuspendedMost = true, -1e12, -1e12
	}))
	require.Equal(t, cOK, disrupted(func(*record) {}))
	if text, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource"); err == nil {
		name := strings.TrimSpace(string(text))
		require.Equal(t, cOK, disrupted(func(r *record) { r.Counter.Clocksource = localcounter.ClocksourceID(name) }))
		require.Equal(t, cUnsynchronized, disrupted(func(r *record) { r.Counter.Clocksource = localcounter.ClocksourceID(name + "2") }))
	}
	if localcounter.Readable() != nil {
		return
	}
	hardware := func(low, high float64) func(*record) {
		return func(r *record) {
			meter := line.Meter{Multiplier: 0x6666666666666666, Up: 1}
			compared := w.counter.Reference()
			r.Counter = localcounter.Witness{
				Hardware: true, Multiplier: meter.Multiplier, Up: meter.Up,
				Compared: true, Before: ticks.Read(), Raw: compared, After: ticks.Read(), Low: low, High: high,
			}
			now := ticks.Read()
			edge := line.Edge{At: now, Time: ahead, Rate: meter.Multiplier, After: meter.Multiplier, Until: now + 1<<40, Ends: true}
			r.Shown = line.Pair{Meter: meter, From: now, Lower: edge, Upper: edge}
			r.TAI = r.Shown
			time.Sleep(time.Millisecond) // so that the rate since then is known within some per cent
		}
	}
	require.Equal(t, cOK, disrupted(hardware(-1, 10)))
	require.Equal(t, cUnsynchronized, disrupted(hardware(20, 30)))
	require.Equal(t, cUnsynchronized, disrupted(hardware(-2, -1)))
}

// As a Clock does, the header in C goes on with an old daemon's file until the new one has an answer, unless the hypervisor
// has disrupted the counter in between.
func TestTheCHeaderOutlastsARestart(t *testing.T) {
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
	c := startC(t, buildC(t, "read"), w.path, "-")
	c.requireTrue(t)
	restart := func(marker uint64) *writer {
		return newWriter(t, w.path, func(_ *header, r *record) {
			r.State, r.Answers, r.VM, r.Marker = uint8(truetime.Unsynchronized), false, true, marker
		})
	}
	w = restart(5)
	for began := time.Now(); time.Since(began) < 1200*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		c.requireTrue(t)
	}
	require.NoError(t, os.WriteFile(w.path+"2", bytesOf([segmentWords]uint64{}), 0o644))
	require.NoError(t, os.Rename(w.path+"2", w.path))
	for began := time.Now(); time.Since(began) < 1200*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		c.requireTrue(t)
	}
	w = newWriter(t, w.path, func(_ *header, r *record) { r.State, r.Answers, r.Epoch = uint8(truetime.ClockFaulty), false, 7 })
	c.requireSoon(t, cOK, cFaulty)
	w.write(func(r *record) { r.Epoch, r.VM, r.Marker = 8, true, 5 })
	c.requireTrue(t)
	restart(6)
	c.requireSoon(t, cOK, cUnsynchronized)
}

// Where there is a marker of the hypervisor, the header in C compares it or refuses.
func TestTheCHeaderComparesTheMarker(t *testing.T) {
	binary := buildC(t, "read")
	vm, setMarker := vmPage(t, 5)
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
	c := startC(t, binary, w.path, vm)
	c.requireTrue(t)
	blind, unwatched := startC(t, binary, w.path, vm+".not"), startC(t, binary, w.path, "-")
	require.Equal(t, cVMClock, blind.result(t))
	unwatched.requireTrue(t)
	setMarker(6)
	require.Equal(t, cUnsynchronized, c.result(t))
	unwatched.requireTrue(t)
	w.write(func(r *record) { r.Epoch, r.VM, r.Marker = 2, true, 6 })
	c.requireTrue(t)
	setMarker(7)
	newWriter(t, w.path, func(_ *header, r *record) { r.VM, r.Marker = true, 7 })
	c.requireSoon(t, cUnsynchronized, cOK)
	newWriter(t, w.path, nil) // a daemon that watches none
	blind.requireSoon(t, cVMClock, cOK)
}

// The header in C trusts the same owners as a Clock.
func TestTheCHeaderRefusesAStrangersFile(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	binary := buildC(t, "read")
	opened := func() string {
		out, _ := exec.CommandContext(t.Context(), binary, w.path).Output()
		return string(out)
	}
	require.NoError(t, os.Chmod(w.path, 0o664))
	require.Equal(t, fmt.Sprintf("open %d\n", cOwner), opened())
	require.NoError(t, os.Chmod(w.path, 0o644))
	require.Empty(t, opened())
	const stranger = 12345
	if err := os.Chown(w.path, stranger, -1); err != nil {
		t.Skipf("a file cannot be given away here: %v", err)
	}
	require.Equal(t, fmt.Sprintf("open %d\n", cOwner), opened())
	require.NoError(t, os.Chown(filepath.Dir(w.path), stranger, -1))
	require.NoError(t, os.Chmod(filepath.Dir(w.path), 0o755))
	require.Empty(t, opened())
	require.NoError(t, os.Chmod(filepath.Dir(w.path), 0o775))
	require.Equal(t, fmt.Sprintf("open %d\n", cOwner), opened())
}

// The header in C refuses a counter that this process cannot read, or reads otherwise, and is not killed by it.
func TestTheCHeaderRefusesACounterThatItCannotRead(t *testing.T) {
	binary := buildC(t, "refuse")
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.Counter.Hardware = localcounter.Readable() == nil })
	for _, reason := range []string{"tsc", "time"} {
		t.Run(reason, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), binary, w.path, reason).Output()
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == 77 || localcounter.Readable() != nil {
				t.Skip("this cannot be brought about here")
			}
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintln(cCounter), string(out))
		})
	}
}

// BenchmarkCHeader has the header in C measure its quickest hundred reads, beside those of the wall clock: at most 60 ns
// are wanted.
func TestTheCHeaderLeaksNothingAndTakesWhatCannotBeReadForUnchanged(t *testing.T) {
	page := filepath.Join(t.TempDir(), "vmclock")
	b := make([]byte, 4096)
	copy(b, "VCLK")
	b[4], b[8] = 112, 1 // its size and version
	require.NoError(t, os.WriteFile(page, b, 0o644))
	out, err := exec.CommandContext(t.Context(), buildC(t, "denied"), page).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "0 0\n", string(out))
}

func BenchmarkCHeader(b *testing.B) {
	binary := buildC(b, "read")
	vm, _ := vmPage(b, 5)
	w := newWriter(b, clockPath(b), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
	for b.Loop() {
		out, err := exec.CommandContext(b.Context(), binary, w.path, vm, "10000").CombinedOutput()
		require.NoError(b, err, "%s", out)
		b.Logf("%s", out)
	}
}
