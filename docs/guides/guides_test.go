// Package guides_test keeps the guides and their programs together.
package guides_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longest is how many words a guide may have beside its code: it is one page.
const longest = 600

var (
	codeBlock = regexp.MustCompile("(?s)```go\n(.*?)```\n")
	program   = regexp.MustCompile(`\[(\S*examples/\w+)\]\(\.\./\.\./(\S+)/\w+\.go\)`)
)

// Each piece of code in a guide is in its program to the letter, but for the tabs before all of its lines. The program is
// compiled and run by the tests beside it.
func TestTheCodeOfEachGuideIsThatOfItsProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	guides, err := filepath.Glob("*.md")
	require.NoError(t, err)
	require.Len(t, guides, 4)
	for _, guide := range guides {
		t.Run(guide, func(t *testing.T) {
			page, err := os.ReadFile(guide)
			require.NoError(t, err)
			link := program.FindStringSubmatch(string(page))
			require.NotNil(t, link, "a link to the program")
			require.Equal(t, link[1], link[2])
			require.True(t, strings.Contains(string(readme), "(docs/guides/"+guide+")"), "a link in the README")

			source := sourceOf(t, "../../"+link[1])
			blocks := codeBlock.FindAllStringSubmatch(string(page), -1)
			require.NotEmpty(t, blocks)
			require.Equal(t, len(blocks), strings.Count(string(page), "```go"), "a block that does not end")
			for _, block := range blocks {
				require.True(t, has(source, block[1]), "this is not in %s:\n%s", link[1], block[1])
			}
			words := len(strings.Fields(codeBlock.ReplaceAllString(string(page), "")))
			require.LessOrEqual(t, words, longest)
		})
	}
}

// sourceOf returns the program in a folder, without its tests.
func sourceOf(t *testing.T, folder string) (all string) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all += "\n" + string(text)
	}
	require.Contains(t, all, "func main() {", folder)
	return all
}

// has reports whether the lines of block are in source one after the other, further to the right by as many tabs each.
func has(source, block string) bool {
	for range 6 {
		if strings.Contains(source, "\n"+block) {
			return true
		}
		var right strings.Builder
		for line := range strings.Lines(block) {
			if line != "\n" {
				line = "\t" + line
			}
			right.WriteString(line)
		}
		block = right.String()
	}
	return false
}
