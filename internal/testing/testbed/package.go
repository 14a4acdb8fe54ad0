package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// downloadLimit bounds the download of a package: some hundred kilobytes of a daemon, some sixty
// megabytes of a kernel.
const downloadLimit = 5 * time.Minute

// packageCache is where packages are unpacked.
func packageCache() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "epsilon-testbed")
}

// unpackPackage returns a directory with the files of a Debian package, without installing it: the
// packages of NTP daemons exclude each other, and each would start its daemon on this host. What
// was unpacked once is used again, by other test processes too. The options are apt's.
func unpackPackage(name string, options ...string) (string, error) {
	cache := packageCache()
	// Without their libraries the files of another release would not run.
	release, _ := os.ReadFile("/etc/debian_version")
	ready := filepath.Join(cache, name+"-"+string(bytes.TrimSpace(bytes.ReplaceAll(release, []byte("/"), []byte("-")))))
	if _, err := os.Stat(ready); err == nil {
		return ready, nil
	}
	for _, tool := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s is not unpacked at %s, and there is no %s to do it: this is not Debian", name, ready, tool)
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make a directory for packages: %w", err)
	}
	work, err := os.MkdirTemp(cache, "unpacking-")
	if err != nil {
		return "", fmt.Errorf("make a directory for packages: %w", err)
	}
	defer os.RemoveAll(work)
	if err := downloadAndUnpack(name, work, options); err != nil {
		return "", err
	}
	// A rename is all or nothing, so another process sees the whole directory or none.
	if err := os.Rename(filepath.Join(work, "root"), ready); err != nil && !errors.Is(err, os.ErrExist) {
		if _, gone := os.Stat(ready); gone != nil {
			return "", fmt.Errorf("keep the files of %s: %w", name, err)
		}
	}
	return ready, nil
}

// downloadAndUnpack leaves the files of a package below directory/root.
func downloadAndUnpack(name, directory string, options []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), downloadLimit)
	defer cancel()
	run := func(command string, arguments ...string) error {
		cmd := exec.CommandContext(ctx, command, arguments...)
		cmd.Dir = directory
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s of %s: %w: %.500s; is there a network, and was apt-get update run?", command, name, err, bytes.TrimSpace(output))
		}
		return nil
	}
	if err := run("apt-get", append(options, "download", "-q", name)...); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(directory, "*.deb"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("apt-get download of %s left %d packages, not 1", name, len(found))
	}
	return run("dpkg", "-x", found[0], "root")
}
