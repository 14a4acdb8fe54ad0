//go:build amd64 || arm64

package vmclock

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// pageFile is a file of one page with the content, and the same page for the test to change.
func pageFile(t testing.TB, content abi) (path string, live *livePage) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "vmclock0")
	writeFile(t, path, append(content.bytes(), make([]byte, os.Getpagesize()-112)...))
	return path, mapToWrite(t, path)
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o644))
}

func mapToWrite(t testing.TB, path string) *livePage {
	t.Helper()
	memory, err := mapWritable(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	return (*livePage)(unsafe.Pointer(unsafe.SliceData(memory)))
}

func mapWritable(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// open opens a device on a machine whose kernel trusts the counter, whatever this one does.
func open(t testing.TB, path string) *Device {
	t.Helper()
	d, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	d.clocksources = trusting(t)
	return d
}

func TestOpenReadsThePage(t *testing.T) {
	requireUsable(t)
	path, live := pageFile(t, current())
	d := open(t, path)
	require.EqualValues(t, 77, d.Marker())
	generation, present := d.Generation()
	require.True(t, present)
	require.EqualValues(t, 5, generation)
	r, err := d.Read(&monotonic.Manual{})
	require.NoError(t, err)
	require.EqualValues(t, 77, r.Marker)

	next := current()
	next.disruptionMarker, next.flags = 78, next.flags&^bitGeneration
	live.update(next)
	require.EqualValues(t, 78, d.Marker())
	generation, present = d.Generation()
	require.False(t, present)
	require.Zero(t, generation)
}

func TestOpenRefuses(t *testing.T) {
	changed := func(change func(*abi)) []byte {
		a := good()
		change(&a)
		return a.bytes()
	}
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"an empty file":              {nil, "the file has 0 bytes"},
		"a short file":               {good().bytes()[:111], "the file has 111 bytes"},
		"zeros":                      {make([]byte, 4096), "not a VMClock page: it begins with 0x00000000"},
		"other magic":                {changed(func(a *abi) { a.magic++ }), "it begins with 0x4b4c4357, not with 0x4b4c4356"},
		"a page that claims no size": {changed(func(a *abi) { a.size = 0 }), "says that it has 0 bytes"},
		"a page of 111 bytes":        {changed(func(a *abi) { a.size = 111 }), "says that it has 111 bytes"},
		"version 0":                  {changed(func(a *abi) { a.version = 0 }), "version 0 of the VMClock page is not known"},
		"version 2":                  {changed(func(a *abi) { a.version = 2 }), "version 2 of the VMClock page is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page")
			writeFile(t, path, c.content)
			_, err := Open(path)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
			require.False(t, isMapped(t, path), "what is refused does not stay mapped")
		})
	}
}

func TestOpenAcceptsAFileThatEndsWithTheStructure(t *testing.T) {
	a := good()
	a.size = 112
	path := filepath.Join(t.TempDir(), "page")
	writeFile(t, path, a.bytes())
	require.EqualValues(t, 77, open(t, path).Marker())
}

func TestOpenSaysWhatIsNotADevice(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o644))
	for path, says := range map[string]string{
		dir:         "it is not a character device",
		pipe:        "it is not a character device", // and Open does not wait for someone to write to it
		"/dev/null": "no vmclock device",            // cannot be mapped
		"/dev/zero": "not a VMClock page",           // can be
	} {
		_, err := Open(path)
		require.ErrorContains(t, err, says, path)
		require.ErrorContains(t, err, path)
	}
}

func TestAnAbsentDeviceCanBeRecognised(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmclock0")
	_, err := Open(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func TestADeviceOfOthersNamesTheUdevRule(t *testing.T) {
	path, _ := pageFile(t, good())
	require.NoError(t, os.Chmod(path, 0))
	if os.Geteuid() == 0 {
		t.Log("root may read everything: only the text is tested")
		require.ErrorContains(t, explain(path, fs.ErrPermission), `KERNEL=="vmclock0", MODE="0644"`)
		return
	}
	_, err := Open(path)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, `KERNEL=="vmclock0", MODE="0644"`)
	require.ErrorContains(t, err, path)
}

// Nobody gets a signal for being late: Close ends Read and leaves Marker alone.
func TestCloseMayHappenAtAnyTime(t *testing.T) {
	requireUsable(t)
	path, _ := pageFile(t, current())
	for range 50 {
		d, err := Open(path)
		require.NoError(t, err)
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for range 2000 {
					if d.Marker() != 77 {
						t.Error("another marker")
					}
					if _, err := d.read(hardware{}); err != nil {
						require.ErrorIs(t, err, fs.ErrClosed)
					}
				}
			})
		}
		require.NoError(t, d.Close())
		require.NoError(t, d.Close(), "again")
		runtime.GC()
		readers.Wait()
		require.EqualValues(t, 77, d.Marker())
		_, err = d.Read(hardware{})
		require.ErrorIs(t, err, fs.ErrClosed)
		require.ErrorContains(t, err, path)
	}
}

func TestThePageIsUnmappedWhenNobodyCanReachTheDevice(t *testing.T) {
	path := unmappedFile(t)
	d, err := Open(path)
	require.NoError(t, err)
	require.True(t, isMapped(t, path))
	runtime.GC()
	require.EqualValues(t, 77, d.Marker(), "not before")
	require.True(t, isMapped(t, path))

	d = nil
	deadline := time.Now().Add(20 * time.Second)
	for isMapped(t, path) {
		require.True(t, time.Now().Before(deadline), "it is still mapped")
		runtime.GC()
		runtime.Gosched()
	}
}

// unmappedFile is a page that the test itself does not map.
func unmappedFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vmclock0")
	writeFile(t, path, good().bytes())
	return path
}

func isMapped(t *testing.T, path string) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return bytes.Contains(maps, []byte(path))
}

// The page is mapped read-only: the driver refuses anything else, and no bug of ours can change
// what other processes see.
func TestThePageCannotBeWritten(t *testing.T) {
	path := unmappedFile(t)
	d := open(t, path)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.Regexp(t, fmt.Sprintf(`(?m) r--s .* %s$`, path), string(maps))
	require.EqualValues(t, 77, d.Marker())
}

func TestMarkerDoesNotAllocate(t *testing.T) {
	path := unmappedFile(t)
	d := open(t, path)
	require.Zero(t, testing.AllocsPerRun(100, func() { d.Marker() }))
}

func BenchmarkMarker(b *testing.B) {
	path, _ := pageFile(b, good())
	d := open(b, path)
	for b.Loop() {
		d.Marker()
	}
}

// BenchmarkNow shows what the marker adds to a reading of the counter: the target is 2 ns.
func BenchmarkNow(b *testing.B) {
	requireUsable(b)
	path, _ := pageFile(b, good())
	d := open(b, path)
	marker := d.Marker()
	b.Run("counter", func(b *testing.B) {
		for b.Loop() {
			hardware{}.Now()
		}
	})
	b.Run("counter+marker", func(b *testing.B) {
		for b.Loop() {
			hardware{}.Now()
			if d.Marker() != marker {
				b.Fatal("disrupted")
			}
		}
	})
}

// BenchmarkReadDevice is Read with the question whether the kernel trusts the counter, which takes
// most of the time.
func BenchmarkReadDevice(b *testing.B) {
	requireUsable(b)
	path, _ := pageFile(b, current())
	d := open(b, path)
	for b.Loop() {
		if _, err := d.Read(hardware{}); err != nil {
			b.Fatal(err)
		}
	}
}
