package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Kernel is where the files of a Linux kernel are.
type Kernel struct {
	Image   string // to boot
	Modules string // the directory with its modules, of any depth
}

// kernelPackages are Debian's names for its newest kernel, by GOARCH.
var kernelPackages = map[string]string{
	"amd64": "linux-image-cloud-amd64",
	"arm64": "linux-image-arm64",
}

// RequireKernel returns Debian's kernel for an architecture, which need not be that of this host.
// Its package is unpacked below the user's cache directory, never installed. Where that cannot be
// done the test is skipped, or fails with EPSILON_REQUIRE_DAEMONS=1.
func RequireKernel(t testing.TB, goarch string) Kernel {
	t.Helper()
	k, err := unpackKernel(goarch)
	if err != nil {
		skipOrFail(t, err.Error())
	}
	return k
}

func unpackKernel(goarch string) (Kernel, error) {
	name, known := kernelPackages[goarch]
	if !known {
		return Kernel{}, fmt.Errorf("no kernel package is known for %s", goarch)
	}
	options, err := aptOptions(goarch)
	if err != nil {
		return Kernel{}, err
	}
	image, err := firstDependency(name, options)
	if err != nil {
		return Kernel{}, err
	}
	root, err := unpackPackage(image, options...)
	if err != nil {
		return Kernel{}, err
	}
	found, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(found) != 1 {
		return Kernel{}, fmt.Errorf("%s has %d kernels in %s/boot, not 1", image, len(found), root)
	}
	return Kernel{Image: found[0], Modules: filepath.Join(root, "lib", "modules")}, nil
}

// firstDependency is what a package without files of its own stands for.
func firstDependency(name string, options []string) (string, error) {
	output, err := exec.Command("apt-cache", append(options, "depends", name)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends %s: %w: %.500s; was apt-get update run?", name, err, bytes.TrimSpace(output))
	}
	for line := range strings.Lines(string(output)) {
		if image, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); found {
			return image, nil
		}
	}
	return "", fmt.Errorf("apt-cache depends %s names no package: %.500s", name, output)
}

// aptOptions has apt look for packages of an architecture. This host's own it knows; for another
// one it is given lists of its own below the cache, so that the host's are not touched, and
// verifies them as it always does.
func aptOptions(goarch string) ([]string, error) {
	native, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		return nil, fmt.Errorf("there is no kernel package for %s: this is not Debian: %w", goarch, err)
	}
	if string(bytes.TrimSpace(native)) == goarch { // Debian and Go agree on the names of those that are known here
		return nil, nil
	}
	directory := filepath.Join(packageCache(), "apt-"+goarch)
	options := []string{
		"-o", "APT::Architecture=" + goarch, "-o", "APT::Architectures=" + goarch,
		"-o", "Dir::State=" + directory, "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache=" + directory,
		"-o", "APT::Sandbox::User=root", // who else could not write there
	}
	complete := filepath.Join(directory, "complete")
	if _, err := os.Stat(complete); err == nil {
		return options, nil
	}
	for _, partial := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(directory, partial), 0o755); err != nil {
			return nil, fmt.Errorf("make a directory for the lists of packages: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), downloadLimit)
	defer cancel()
	if output, err := exec.CommandContext(ctx, "apt-get", append(options, "update", "-q")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("apt-get update for %s: %w: %.500s; is there a network?", goarch, err, bytes.TrimSpace(output))
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return nil, fmt.Errorf("keep the lists of packages: %w", err)
	}
	return options, nil
}
