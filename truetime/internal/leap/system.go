package leap

import (
	"fmt"
	"io/fs"
)

// ReadSystem reads the leap-seconds.list of a tz database, such as os.DirFS("/usr/share/zoneinfo").
// The error wraps [fs.ErrNotExist] if there is no such file.
func ReadSystem(zoneinfo fs.FS) (*Table, error) {
	const name = "leap-seconds.list"
	f, err := zoneinfo.Open(name)
	if err != nil {
		return nil, fmt.Errorf("leap second table: %w", err)
	}
	defer f.Close()
	return ParseList(f, name)
}
