// Package docs_test checks what the documents of the repository say of each other.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	code    = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Whatever a document links to in this repository is there: the file, and the heading in it. Links with a scheme
// lead elsewhere, and nobody follows them.
func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	links := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		for _, found := range link.FindAllStringSubmatch(prose(t, path), -1) {
			if strings.Contains(found[1], ":") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(found[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere: %v", path, found[1], err)
			} else if anchor != "" && !anchors(prose(t, target))[anchor] {
				t.Errorf("%s: %s has no such heading", path, found[1])
			}
		}
		return nil
	}))
	require.Greater(t, links, 50, "the links are not found")
}

// prose returns a document without its blocks of code.
func prose(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return code.ReplaceAllString(string(text), "")
}

// anchors returns the names by which GitHub links to the headings of a document: lower case, a hyphen for a space, and
// without punctuation.
func anchors(document string) map[string]bool {
	all := map[string]bool{}
	for _, title := range heading.FindAllStringSubmatch(document, -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title[1])] = true
	}
	return all
}
