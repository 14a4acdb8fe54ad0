//go:build linux

package machine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// writeInitrd writes the first file system of a guest: its program, the modules, and the files
// given, by their paths in the guest.
func writeInitrd(t testing.TB, path string, kernel testbed.Kernel, files map[string]string) {
	t.Helper()
	modules, err := modulesToLoad(kernel.Modules)
	if err != nil {
		t.Fatalf("machine: find the kernel's modules: %v", err)
	}
	all := map[string]string{}
	for i, module := range modules {
		all[fmt.Sprintf("modules/%02d-%s", i, filepath.Base(module))] = module
	}
	for name, file := range files {
		all[name] = file
	}
	if err := writeArchive(path, []string{"dev", "modules", "proc", "sys", "tmp"}, all); err != nil {
		t.Fatalf("machine: write the guest's files: %v", err)
	}
}

// writeArchive writes directories and executable files as the kernel unpacks them: an archive of
// cpio's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst).
func writeArchive(path string, directories []string, files map[string]string) error {
	target, err := os.Create(path)
	if err != nil {
		return err
	}
	defer target.Close()
	w := archive{bufio.NewWriter(target)}
	for _, name := range directories {
		if err := w.add(name, 0o040755, nil); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		if err := w.add(name, 0o100755, content); err != nil {
			return err
		}
	}
	if err := w.add("TRAILER!!!", 0, nil); err != nil {
		return err
	}
	return w.Flush()
}

type archive struct{ *bufio.Writer }

// add writes an entry: a header of 110 bytes, the name with a zero byte, the content; each part is
// padded so that the next begins at a multiple of 4 bytes.
func (w archive) add(name string, mode int, content []byte) error {
	const headerSize = 110
	const inode, user, group, links, modified, major, minor, checksum = 0, 0, 0, 1, 0, 0, 0, 0
	_, err := fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00%s",
		inode, mode, user, group, links, modified, len(content), major, minor, major, minor, len(name)+1, checksum,
		name, padding(headerSize+len(name)+1))
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	_, err = io.WriteString(w, padding(len(content)))
	return err
}

func padding(size int) string { return "\x00\x00\x00"[:-size&3] }
