package leap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ReadSystem reads the leap seconds of a tz database, such as os.DirFS("/usr/share/zoneinfo"): of its
// leap-seconds.list, or of right/UTC if there is no such file. The error wraps [fs.ErrNotExist] if
// there is neither.
func ReadSystem(zoneinfo fs.FS) (*Table, error) {
	t, err := readFile(zoneinfo, "leap-seconds.list", ParseList)
	if errors.Is(err, fs.ErrNotExist) {
		t, err = readFile(zoneinfo, "right/UTC", ParseTZif)
	}
	return t, err
}

func readFile(files fs.FS, name string, parse func(io.Reader, string) (*Table, error)) (*Table, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("leap second table: %w", err)
	}
	defer f.Close()
	return parse(f, name)
}
