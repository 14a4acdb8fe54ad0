package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKernelsOfBothArchitecturesAreUnpacked(t *testing.T) {
	for _, goarch := range []string{"amd64", "arm64"} {
		t.Run(goarch, func(t *testing.T) {
			k := RequireKernel(t, goarch)
			require.FileExists(t, k.Image)
			versions, err := os.ReadDir(k.Modules)
			require.NoError(t, err)
			require.Len(t, versions, 1)
			require.Equal(t, "vmlinuz-"+versions[0].Name(), filepath.Base(k.Image))
		})
	}
}

func TestKernelOfAnUnknownArchitectureIsRefused(t *testing.T) {
	_, err := unpackKernel("mips")
	require.ErrorContains(t, err, "no kernel package is known for mips")
}

// fakeApt stands in for Debian's tools, with an empty cache and a mirror whose kernel has the version that the file
// returned says. Its lists name the version of when they were renewed, and nothing else can be downloaded. It refuses
// whoever comes while the lists are renewed, as apt does. The function returned says how often they were.
func fakeApt(t *testing.T) (version string, updates func() int) {
	t.Helper()
	folder := t.TempDir()
	version = filepath.Join(folder, "version")
	lists, lock, log := filepath.Join(folder, "lists"), filepath.Join(folder, "lock"), filepath.Join(folder, "log")
	for name, script := range map[string]string{
		"apt-get": `
case "$*" in
*update*)
	[ -e ` + version + ` ] || { echo no network; exit 100; }
	mkdir ` + lock + ` || { echo somebody has the lock; exit 100; }
	sleep 0.2 # so that others come meanwhile, if they can
	cp ` + version + ` ` + lists + `; echo x >>` + log + `; rmdir ` + lock + ` ;;
*download*)
	case "$*" in *"image-$(cat ` + version + `)") touch kernel.deb ;; *) echo 404; exit 100 ;; esac ;;
esac`,
		"apt-cache": `echo "  Depends: image-$(cat ` + lists + `)"`,
		"dpkg": `
case "$*" in
*architecture*) echo amd64 ;;
-x*) mkdir -p "$3/boot" "$3/lib/modules" && touch "$3/boot/vmlinuz-1" ;;
esac`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(folder, "cache"))
	return version, func() int {
		ran, err := os.ReadFile(log)
		require.NoError(t, err)
		return strings.Count(string(ran), "x")
	}
}

// An old kernel goes from the mirrors with the next one, and lists that name it are of no use any more.
func TestListsOfPackagesAreRenewed(t *testing.T) {
	version, updates := fakeApt(t)
	have := func(want string, wantUpdates int, why string) (root string) {
		t.Helper()
		k, err := unpackKernel("arm64")
		require.NoError(t, err, why)
		require.Contains(t, k.Image, "image-"+want, why)
		require.Equal(t, wantUpdates, updates(), why)
		return filepath.Dir(filepath.Dir(k.Image))
	}
	mirror := func(now string) { require.NoError(t, os.WriteFile(version, []byte(now), 0o644)) }
	mirror("one")
	have("one", 1, "there are none")
	mirror("two")
	one := have("one", 1, "it is unpacked, and they are new")
	require.NoError(t, os.RemoveAll(one))
	have("two", 2, "what they name is gone")
	mirror("three")
	yesterday := time.Now().Add(-listsAge)
	complete := filepath.Join(packageCache(), "apt-arm64", "complete")
	require.NoError(t, os.Chtimes(complete, yesterday, yesterday))
	have("three", 3, "they are old")

	require.NoError(t, os.Chtimes(complete, yesterday, yesterday))
	require.NoError(t, os.Remove(version))
	three := have("three", 3, "it is unpacked, and there is no network")
	require.NoError(t, os.RemoveAll(three))
	_, err := unpackKernel("arm64")
	require.ErrorContains(t, err, "no network")
}

func TestTwoTestsMayWantAKernelAtOnce(t *testing.T) {
	version, updates := fakeApt(t)
	require.NoError(t, os.WriteFile(version, []byte("one"), 0o644))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := unpackKernel("arm64"); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	require.Equal(t, 1, updates())
}
