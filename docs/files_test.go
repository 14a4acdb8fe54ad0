package docs_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var goFile = regexp.MustCompile("`([a-z0-9_/]+\\.go)`")

// A file of Go code that a document names is somewhere in this repository, so whoever looks for the file of a rule
// finds it after it was renamed, too. A name may leave out the folders before it, as in a list.
func TestFilesThatDocumentsNameAreThere(t *testing.T) {
	files, documents := map[string]bool{}, []string(nil)
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".go":
			for name := filepath.ToSlash(path); ; {
				_, rest, more := strings.Cut(name, "/")
				if !more {
					break
				}
				files[rest], name = true, rest
			}
		case ".md":
			documents = append(documents, path)
		}
		return err
	}))
	names := 0
	for _, document := range documents {
		for _, found := range goFile.FindAllStringSubmatch(prose(t, document), -1) {
			names++
			if !files[found[1]] {
				t.Errorf("%s: there is no %s", document, found[1])
			}
		}
	}
	require.Greater(t, names, 20, "the names are not found")
}
