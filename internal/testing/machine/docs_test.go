//go:build linux

package machine

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each test of something that is done to a machine has its command in docs/machines.md, and each
// command there has its test.
func TestEveryRowOfTheTableHasItsTest(t *testing.T) {
	page, err := os.ReadFile("../../../docs/machines.md")
	require.NoError(t, err)
	named := map[string]bool{}
	for _, match := range regexp.MustCompile(`-run (Test\w+)`).FindAllSubmatch(page, -1) {
		named[string(match[1])] = true
	}
	tests := map[string]bool{}
	for _, file := range []string{"nemesis_test.go", "pauses_test.go", "arm64_test.go"} {
		text, err := os.ReadFile(filepath.Clean(file))
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			tests[string(match[1])] = true
		}
	}
	require.NotEmpty(t, tests)
	require.Equal(t, tests, named)
}
