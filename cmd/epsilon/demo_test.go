package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/hostclock"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Each fault comes again and again, so that nothing depends on how fast the machine is.
func TestADemonstrationSuffersItsScript(t *testing.T) {
	text := ""
	for at := 4; at < 300; at += 20 {
		text += fmt.Sprintf("%ds disrupt\n%ds refuse for 6s\n", at, at+6)
	}
	s := serve(t, "--demo-script", script(t, text))
	now := func() (r api.Reading) {
		require.NoError(t, json.Unmarshal([]byte(s.ask(t, "now", "--json").out), &r))
		require.True(t, r.Demo)
		return r
	}
	await := func(what string, is func(api.Reading) bool) {
		t.Helper()
		require.Eventually(t, func() bool { return is(now()) }, 2*time.Minute, 20*time.Millisecond, "%s: %v", what, s.log)
	}
	answers := func(r api.Reading) bool { return r.Err == "" }
	await("an answer", answers)
	clock, err := hostclock.Open(filepath.Join(filepath.Dir(s.socket), "clock"))
	require.NoError(t, err)
	defer clock.Close()
	await("a disruption", func(r api.Reading) bool { return r.Epoch >= 2 })
	await("an answer", answers)
	await("a refusal", func(r api.Reading) bool {
		_, err := clock.Now()
		return r.Err != "" && err != nil // in the segment, too
	})
	await("an answer", answers)
	require.Contains(t, s.log.String(), "the demonstration: disrupt")
	require.Contains(t, s.log.String(), "the demonstration: the end of refuse for 6s")
}

func TestADemonstrationSaysThatItIsOne(t *testing.T) {
	s := serve(t, "--demo", "--http", "127.0.0.1:0")
	require.Equal(t, 0, s.ask(t, "wait", "--within", "50ms", "--timeout", "60s").code)
	require.Contains(t, s.log.String(), "This is a demonstration")
	require.Contains(t, s.ask(t, "status").out, "This is a demonstration")
	require.Contains(t, s.ask(t, "status").out, "(demonstration)")
	require.Contains(t, s.ask(t, "now").out, "(a demonstration)")
	r := s.report(t)
	require.True(t, r.Daemon.Demo)
	page := get(t, r.Daemon.HTTP[0]+"status")
	require.Contains(t, page, "This is a demonstration")
	require.Contains(t, get(t, r.Daemon.HTTP[0]+"metrics"), `(demonstration)"`)
}

func TestMistakesInAScriptAreToldByLine(t *testing.T) {
	path := script(t, "5s disrupt\nx\n6s server 9 silent\n")
	socket := filepath.Join(t.TempDir(), "socket")
	r := epsilon(t, "serve", "--demo-script", path, "--socket", socket)
	require.NotZero(t, r.code)
	require.Contains(t, r.errors, path+":2: ")
	require.Contains(t, r.errors, path+`:3: server "9": there are 1 to 5, and all`)
	r = epsilon(t, "serve", "--demo-script", path+"x", "--socket", socket)
	require.NotZero(t, r.code)
	require.Contains(t, r.errors, "--demo-script: open "+path+"x")
	require.NotZero(t, epsilon(t, "serve", "--demo-script", path, "--config", "x").code)
}

// The faults in the help are a script.
func TestTheScriptInTheHelpCanBePlayed(t *testing.T) {
	text := epsilon(t, "help", "demo").out
	_, rest, _ := strings.Cut(text, "# it is wrong by that")
	require.NotEmpty(t, rest)
	var lines string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			lines += line
		}
	}
	require.Equal(t, 8, strings.Count(lines, "\n"))
	_, err := readScript(script(t, lines))
	require.NoError(t, err)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}
