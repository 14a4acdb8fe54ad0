//go:build !linux

package hostclock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

type host struct {
	boot                [16]byte
	monotonic, boottime time.Duration
}

// errUnsupported is the one error of this package here.
var errUnsupported = fmt.Errorf("one clock for a whole host exists on Linux only, so far, and this is %s: "+
	"poll for yourself with truetime.New, or give Open WithFallback: %w", runtime.GOOS, errors.ErrUnsupported)

func readHost() (host, error) { return host{}, errUnsupported }

type mapping struct{ *memory }

type fileID struct{}

func identify(string) (fileID, error) { return fileID{}, errUnsupported }

func mapFile(string, owners) (*mapping, fileID, error) { return nil, fileID{}, errUnsupported }

func createFile(string, *[segmentWords]uint64) (*mapping, fileID, error) {
	return nil, fileID{}, errUnsupported
}

func (m *mapping) unmap() {}

type owners struct{ only int }

const anyOwner = -1

func makeDirectory(path string) error { return os.MkdirAll(path, 0o755) }
