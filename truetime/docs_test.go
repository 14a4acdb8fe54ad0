package truetime

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who looks an error up in docs/operations.md searches for its text, so what the tables quote is what
// the library says. An ellipsis stands for a value.
func TestOperationsQuotesTextsThatTheLibrarySays(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	said := texts(t, "..")
	// What the library passes on from Go and from the system.
	said = append(said, os.ErrDeadlineExceeded.Error(), "connection refused")
	for _, title := range []string{"## Refusals of `truetime.New`", "## What a source's error says"} {
		quotes := firstColumn(string(page), title)
		require.Greater(t, len(quotes), 3, title)
		for _, quote := range quotes {
			require.True(t, slices.ContainsFunc(said, func(text string) bool { return strings.Contains(text, quote) }),
				"%s: no Go file of the library says %q", title, quote)
		}
	}
}

// firstColumn returns what the table under a title has in its first column, without the head. Texts
// separated by a comma are several.
func firstColumn(page, title string) (quotes []string) {
	_, section, _ := strings.Cut(page, title+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if rows++; rows <= 2 {
			continue
		}
		for quote := range strings.SplitSeq(strings.Split(line, "|")[1], ", ") {
			quotes = append(quotes, strings.TrimPrefix(strings.TrimSpace(quote), "… "))
		}
	}
	return quotes
}

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// texts returns every string in the Go files of the module in root, its tests and tools left out.
// Strings that are added up are one, and an ellipsis stands for a value that is put in.
func texts(t *testing.T, root string) (all []string) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bench", "examples", "testing", "tools"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range literals(source) {
			all = append(all, verb.ReplaceAllString(text, "…"))
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// literals returns the strings of a Go file.
func literals(source []byte) (all []string) {
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile("", files.Base(), len(source)), source, nil, 0)
	before, added := token.ILLEGAL, false
	for {
		_, kind, literal := s.Scan()
		switch kind {
		case token.EOF:
			return all
		case token.STRING:
			text, _ := strconv.Unquote(literal)
			if added {
				all[len(all)-1] += text
			} else {
				all = append(all, text)
			}
		}
		added = kind == token.ADD && before == token.STRING
		before = kind
	}
}
