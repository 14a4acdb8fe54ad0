//go:build linux

package machine

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// drivers are the modules for the devices of a machine.
var drivers = []string{"virtio_pci", "virtio_net", "virtio_console"}

// modulesToLoad returns the files of the drivers and of what they need, in an order in which they can
// be loaded. What is not there is built into the kernel.
func modulesToLoad(directory string) (files []string, err error) {
	found := map[string]string{}
	err = filepath.WalkDir(directory, func(path string, _ fs.DirEntry, err error) error {
		name := strings.TrimSuffix(filepath.Base(path), ".ko")
		found[strings.ReplaceAll(name, "-", "_")] = path
		return err
	})
	if err != nil {
		return nil, err
	}
	var add func(name string) error
	add = func(name string) error {
		path, ok := found[name]
		if !ok || slices.Contains(files, path) {
			return nil
		}
		needed, err := neededBy(path)
		if err != nil {
			return err
		}
		for _, other := range needed { // without cycles: the kernel's build refuses them
			if err := add(other); err != nil {
				return err
			}
		}
		files = append(files, path)
		return nil
	}
	for _, name := range drivers {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// neededBy is the modules that a module says must be loaded before it.
func neededBy(path string) ([]string, error) {
	module, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer module.Close()
	section := module.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("read %s: it is no module of the kernel", path)
	}
	information, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, field := range strings.Split(string(information), "\x00") {
		if names, ok := strings.CutPrefix(field, "depends="); ok {
			return strings.FieldsFunc(strings.ReplaceAll(names, "-", "_"), func(r rune) bool { return r == ',' }), nil
		}
	}
	return nil, nil
}
