package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// packageLists are apt's lists of the packages of an architecture.
type packageLists struct {
	goarch    string
	directory string   // empty for the host's own, which are not touched
	options   []string // by which apt uses them
}

// listsAge is how old lists may be. A mirror keeps no package that a newer one has replaced for long.
const listsAge = 24 * time.Hour

// packageListsFor has apt look for packages of an architecture. This host's own it knows; for another
// one it is given lists of its own below the cache, so that the host's are not touched, and
// verifies them as it always does.
func packageListsFor(goarch string) (packageLists, error) {
	native, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		return packageLists{}, fmt.Errorf("there is no kernel package for %s: this is not Debian: %w", goarch, err)
	}
	if string(bytes.TrimSpace(native)) == goarch { // Debian and Go agree on the names of those that are known here
		return packageLists{goarch: goarch}, nil
	}
	directory := filepath.Join(packageCache(), "apt-"+goarch)
	return packageLists{goarch, directory, []string{
		"-o", "APT::Architecture=" + goarch, "-o", "APT::Architectures=" + goarch,
		"-o", "Dir::State=" + directory, "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache=" + directory,
		"-o", "APT::Sandbox::User=root", // who else could not write there
	}}, nil
}

// renew downloads the lists if they are older than that, or are not there, and reports whether they are as new as
// can be. Those of before stay if they cannot be renewed.
func (l packageLists) renew(age time.Duration) (renewed bool, err error) {
	if l.directory == "" {
		return true, nil // that is up to whoever runs the host
	}
	complete := filepath.Join(l.directory, "complete") // changed when they were
	if found, err := os.Stat(complete); err == nil && time.Since(found.ModTime()) < age {
		return false, nil
	}
	for _, partial := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(l.directory, partial), 0o755); err != nil {
			return false, fmt.Errorf("make a directory for the lists of packages: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), downloadLimit)
	defer cancel()
	// Without -eany apt-get succeeds where a server could not be reached.
	if output, err := exec.CommandContext(ctx, "apt-get", append(l.options, "update", "-q", "-eany")...).CombinedOutput(); err != nil {
		return false, fmt.Errorf("apt-get update for %s: %w: %.500s; is there a network?", l.goarch, err, bytes.TrimSpace(output))
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return false, fmt.Errorf("keep the lists of packages: %w", err)
	}
	return true, os.Chtimes(complete, time.Time{}, time.Now()) // writing nothing need not change it
}
