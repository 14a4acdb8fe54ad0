package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// openInChromium returns the page as it is once its scripts have run, and what they had to complain
// of.
func openInChromium(t *testing.T, path string, more ...string) (page string, complaints []string) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("EPSILON_REQUIRE_DAEMONS") != "" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	c := exec.Command(browser, append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--window-size=1200,2100", "--virtual-time-budget=5000", "--user-data-dir=" + t.TempDir(), "--enable-logging=stderr"}, append(more, "file://"+path)...)...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	require.NoError(t, err, said.String())
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, "CONSOLE") {
			complaints = append(complaints, line)
		}
	}
	return string(out), complaints
}

// checkPage opens the report and takes a picture of it, which is kept in the folder that
// EPSILON_ARTEFACTS names.
func checkPage(t *testing.T, folder, name string) {
	for _, file := range []string{"ledger.html", "ledger-porcupine.html"} {
		page, complaints := openInChromium(t, filepath.Join(folder, file), "--dump-dom")
		require.Empty(t, complaints)
		require.NotContains(t, page, "NaN")
		if file == "ledger.html" {
			require.Regexp(t, regexp.MustCompile(`data-drawn="[1-9]`), page, "the script did not get to its end")
		}
	}
	picture := filepath.Join(folder, "ledger.png")
	if kept := os.Getenv("EPSILON_ARTEFACTS"); kept != "" {
		picture = filepath.Join(kept, "ledger-"+name+".png")
	}
	openInChromium(t, filepath.Join(folder, "ledger.html"), "--screenshot="+picture)
	require.FileExists(t, picture)
	t.Log("screenshot: " + picture)
}

func TestErrorsInAPageAreSeen(t *testing.T) {
	for _, script := range []string{"console.error('x')", "nowhere()", "fetch('http://127.0.0.1:1/')"} {
		path := filepath.Join(t.TempDir(), "page.html")
		require.NoError(t, os.WriteFile(path, []byte("<script>"+script+"</script>"), 0o666))
		_, complaints := openInChromium(t, path, "--dump-dom")
		require.NotEmpty(t, complaints, script)
	}
}
