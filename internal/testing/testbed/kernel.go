package testbed

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/epsilontime/epsilon/internal/mistakes"
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
		SkipOrFail(t, err.Error())
	}
	return k
}

// unpacking: of two tests that want a kernel at a time the second finds it. apt refuses whoever comes while it
// renews its lists.
var unpacking sync.Mutex

func unpackKernel(goarch string) (Kernel, error) {
	name, known := kernelPackages[goarch]
	if !known {
		return Kernel{}, fmt.Errorf("no kernel package is known for %s", goarch)
	}
	unpacking.Lock()
	defer unpacking.Unlock()
	lists, err := packageListsFor(goarch)
	if err != nil {
		return Kernel{}, err
	}
	renewed, stale := lists.renew(listsAge)
	k, err := unpackKernelPackage(name, lists.options)
	if err != nil && !renewed && stale == nil { // what the lists name may have been replaced since
		_, stale = lists.renew(0)
		k, err = unpackKernelPackage(name, lists.options)
	}
	if err != nil {
		return Kernel{}, mistakes.Join(err, stale)
	}
	return k, nil // also without a network, if it was unpacked before
}

func unpackKernelPackage(name string, options []string) (Kernel, error) {
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
		return "", fmt.Errorf("apt-cache depends %s: %w: %.500s; is there a network, and was apt-get update run?", name, err, bytes.TrimSpace(output))
	}
	for line := range strings.Lines(string(output)) {
		if image, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); found {
			return image, nil
		}
	}
	return "", fmt.Errorf("apt-cache depends %s names no package: %.500s", name, output)
}
