// Package mutant builds the library with one fault in it and runs a test of the calling package against that, to show
// that the test would notice. Nothing in the tree changes: the faulty file is an overlay of the build.
package mutant

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Mutant is a single fault: in a file of package truetime or below, a text that occurs once is another one.
type Mutant struct {
	Name, File  string // the file's path from the directory of package truetime
	Is, Becomes string
	More        string // what the file has at its end besides, for Becomes to call
}

// longest is how long one test may take, build included.
const longest = 5 * time.Minute

// Check fails the test unless the text to replace occurs once. It takes no time, so that a fault whose text has changed shows
// also where few faults are tried.
func (m Mutant) Check(t *testing.T, truetime string) {
	t.Helper()
	m.apply(t, truetime)
}

// apply returns the path of the faulty file, and its text with the fault in it.
func (m Mutant) apply(t *testing.T, truetime string) (path, text string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(truetime, m.File))
	require.NoError(t, err)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	text = string(source)
	if m.Is != "" {
		require.Equal(t, 1, strings.Count(text, m.Is), "the text to replace in %s has changed: %s", m.File, m.Is)
		text = strings.Replace(text, m.Is, m.Becomes, 1) + m.More
	}
	return path, text
}

// Run runs go test in the caller's directory, with the fault and the given arguments, and returns its output, and an
// error if it failed. Truetime is the directory of package truetime. With no text to replace there is no fault.
func (m Mutant) Run(t *testing.T, truetime string, arguments ...string) (output string, err error) {
	t.Helper()
	path, text := m.apply(t, truetime)
	dir := t.TempDir()
	faulty, overlay := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(faulty, []byte(text), 0o600))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, list, 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-vet=off", "-count=1", "-overlay", overlay}, arguments...)...)
	out, err := command.CombinedOutput()
	return string(out), err
}
