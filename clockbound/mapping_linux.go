package clockbound

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/durable"
)

// mapping is a segment in memory that clients have mapped, too.
//
// A client loads fields one by one while they are changed, and finds out by the generation. So each
// word of the file is stored by one atomic store, and none is seen before an earlier one: stores of
// sync/atomic are sequentially consistent, where the Release store of ClockBound's own writer lets
// later plain stores pass it on arm64.
type mapping struct {
	path       string
	info       os.FileInfo // of the file that is mapped
	memory     []byte
	words      *[segmentWords]atomic.Uint64
	generation uint16 // as this process has left it
}

// headerWord is the word with size, version and generation.
const headerWord = 1

// segmentMode lets every client read.
const segmentMode = 0o644

// createSegment opens the segment at path, and makes it if there is none. A file that is something else
// is left alone.
func createSegment(path string) (*mapping, error) {
	m, err := takeOver(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errUnwritten) || errors.Is(err, errShort) {
		// It is filled before it gets its name, and what was there is not truncated.
		fresh := content{bound: unknownBound, status: statusUnknown}.encode(2)
		if err := durable.Replace(path, fresh[:], segmentMode); err != nil {
			return nil, err
		}
		m, err = takeOver(path)
	}
	if errors.Is(err, errForeign) || errors.Is(err, errVersion) {
		err = fmt.Errorf("the file that is there is left alone; remove it, or give another path: %w", err)
	}
	return m, err
}

// takeOver maps the segment that is at path, with whoever has it mapped already.
func takeOver(path string) (*mapping, error) {
	// O_NONBLOCK keeps a named pipe, given by mistake, from blocking here for ever.
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%w: it is a symbolic link", errForeign)
	case err != nil:
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is no regular file", errForeign)
	}
	s, err := copyOnce(file)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm() != segmentMode { // the umask took some
		if err := file.Chmod(segmentMode); err != nil {
			return nil, err
		}
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, segmentBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	words := (*[segmentWords]atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(memory)))
	return &mapping{path: path, info: info, memory: memory, words: words, generation: s.generation()}, nil
}

func (m *mapping) present() error {
	now, err := os.Lstat(m.path)
	switch {
	case err != nil:
		return err
	case !os.SameFile(now, m.info):
		return fmt.Errorf("the file was replaced: %w", errOtherWriter)
	}
	return nil
}

// write makes c the content. If the file was truncated the first access raises SIGBUS, which is
// returned as an error. All that happens here is accesses to the file, so a fault is one of them; the
// address that comes with it (debug.SetPanicOnFault) is missing under an emulator.
func (m *mapping) write(c content) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case runtime.Error:
			err = errCut
		default:
			panic(fault)
		}
	}()
	if generationOf(m.words[headerWord].Load()) != m.generation {
		return errOtherWriter
	}
	m.begin()
	m.fill(c)
	m.end()
	return nil
}

// begin makes the generation odd. It is odd already if the writer before has died in an update.
func (m *mapping) begin() {
	m.generation |= 1
	m.words[headerWord].Store(headerOf(m.generation))
}

// fill stores all words but the header's.
func (m *mapping) fill(c content) {
	s := c.encode(m.generation)
	for i := headerBytes / 8; i < segmentWords; i++ {
		m.words[i].Store(s.uint64(8 * i))
	}
}

// end makes the generation even, and never 0, which means that nothing was ever written.
func (m *mapping) end() {
	m.generation++
	if m.generation == 0 {
		m.generation = 2
	}
	m.words[headerWord].Store(headerOf(m.generation))
}

func headerOf(generation uint16) uint64 {
	s := content{}.encode(generation)
	return s.uint64(8 * headerWord)
}

func generationOf(header uint64) uint16 {
	var s segment
	s.put64(8*headerWord, header)
	return s.generation()
}

func (m *mapping) close() error { return unix.Munmap(m.memory) }
