package hostclock

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// buildC compiles the reader in C, and skips the test where there is no compiler.
func buildC(t testing.TB) (binary string) {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skipf("the C header is not tested here: %v", err)
	}
	binary = filepath.Join(t.TempDir(), "read")
	out, err := exec.CommandContext(t.Context(), compiler, "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-o", binary, "c/read.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// cReader is a process that reads once for each line that it is sent.
type cReader struct {
	ask    io.Writer
	answer *bufio.Reader
}

func startC(t *testing.T, binary, path string) cReader {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, path)
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

// The header in C reads what this package writes: true answers of publications that follow each other without a pause, and of
// a dead writer's past its bends, the refusals, and the next writer's file.
func TestTheCHeaderReadsWhatGoWrites(t *testing.T) {
	const (
		ok             = 0
		system         = 1
		foreign        = 2
		unsynchronized = 6
		faulty         = 7
		tooWide        = 8
	)
	binary := buildC(t)
	w := newWriter(t, clockPath(t), nil)
	c := startC(t, binary, w.path)
	requireTrue := func() {
		t.Helper()
		result, before, earliest, latest, after := c.read(t)
		require.Equal(t, ok, result)
		require.LessOrEqual(t, earliest, after+ahead)
		require.GreaterOrEqual(t, latest, before+ahead)
	}
	for range 200 {
		requireTrue()
		requireTrue()
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
	requireTrue()
	for state, is := range map[truetime.State]int{truetime.Unsynchronized: unsynchronized, truetime.ClockFaulty: faulty} {
		w.write(func(r *record) { r.State, r.Answers = uint8(state), false })
		result, _, _, _, _ := c.read(t)
		require.Equal(t, is, result)
	}
	w.write(func(r *record) { r.MaxWidth = 0 })
	result, _, _, _, _ := c.read(t)
	require.Equal(t, tooWide, result)
	w.write(func(r *record) { r.State = 200 })
	result, _, _, _, _ = c.read(t)
	require.Equal(t, foreign, result)
	w.write(func(r *record) {
		r.Counter.SuspensionKnown, r.Counter.SuspendedLeast, r.Counter.SuspendedMost = true, -1e12, -1e12
	})
	result, _, _, _, _ = c.read(t)
	require.Equal(t, unsynchronized, result)
	w.write(nil)
	requireTrue()

	// Another file takes the place of this one, in which there is a refusal: the header looks once a second.
	newWriter(t, w.path, func(_ *header, r *record) { r.State, r.Answers = uint8(truetime.ClockFaulty), false })
	for result = ok; result == ok; {
		result, _, _, _, _ = c.read(t)
	}
	require.Equal(t, faulty, result)

	out, err := exec.CommandContext(t.Context(), binary, w.path+".not").Output()
	require.Error(t, err)
	require.Equal(t, fmt.Sprintf("open %d\n", system), string(out))
}

// BenchmarkCHeader has the header in C measure its quickest hundred reads, beside those of the wall clock: at most 60 ns
// are wanted.
func BenchmarkCHeader(b *testing.B) {
	binary := buildC(b)
	w := newWriter(b, clockPath(b), nil)
	for b.Loop() {
		out, err := exec.CommandContext(b.Context(), binary, w.path, "10000").CombinedOutput()
		require.NoError(b, err, "%s", out)
		b.Logf("%s", out)
	}
}
