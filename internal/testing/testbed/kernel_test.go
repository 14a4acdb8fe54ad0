package testbed

import (
	"os"
	"path/filepath"
	"testing"

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
