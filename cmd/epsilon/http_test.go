package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// get asks the daemon's web server.
func (s served) get(t testing.TB, path string) (status int, body string) {
	t.Helper()
	at := s.report(t).Daemon.HTTP
	require.NotEmpty(t, at)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(at[0] + path)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestTheDemonstrationHasAPage(t *testing.T) {
	s := serve(t, "--demo", "--http", "127.0.0.1:0")
	require.Equal(t, 0, s.ask(t, "wait").code)
	status, page := s.get(t, "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "<title>Epsilon</title>")
	for path, want := range map[string]int{"status": 200, "now": 200, "history": 200, "readyz?within=1h": 200, "readyz?within=1ns": 503, "livez": 200, "fleet": 404, "reload": 404, "recording": 404} {
		status, body := s.get(t, path)
		require.Equal(t, want, status, "%s: %s", path, body)
	}
	require.Contains(t, s.log.String(), "the status page can be read by whoever reaches it")

	// What is on its way when the daemon stops ends with it.
	response, err := http.Get(s.report(t).Daemon.HTTP[0] + "live")
	require.NoError(t, err)
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "event: past\n", line)
	require.Equal(t, 0, s.stop())
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
}

func TestThePageIsWhereTheConfigurationSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	text := fmt.Sprintf("[http]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n[[source]]\nserver = %q\n", ntpServer(t))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	s := serve(t, "--config", path)
	require.Len(t, s.report(t).Daemon.HTTP, 2)
	status, _ := s.get(t, "livez")
	require.Equal(t, http.StatusOK, status)

	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, ", \"127.0.0.1:0\"", "", 1)), 0o644))
	reloaded := s.ask(t, "reload")
	require.Equal(t, 0, reloaded.code)
	require.Contains(t, reloaded.out, "[http]")
	require.Len(t, s.report(t).Daemon.HTTP, 2, "it takes a restart")

	silent := serve(t, "--demo")
	require.Empty(t, silent.report(t).Daemon.HTTP, "nothing listens unless somebody says so")
}

func TestAnAddressOfNoUse(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for at, c := range map[string]struct {
		code int
		want string
	}{
		taken.Addr().String(): {1, "another program does; stop it, or give another port"},
		"192.0.2.1:9123":      {1, "this host has no such address"},
		"localhost:9123":      {2, `--http: "localhost:9123" is no address with a port, as 127.0.0.1:9123 or [::1]:9123`},
		"9123":                {2, "is no address with a port"},
		"":                    {2, "is no address with a port"},
		"224.0.0.1:9123":      {2, "it is not the address of one host"},
	} {
		r := epsilon(t, "serve", "--demo", "--http", at, "--socket", filepath.Join(t.TempDir(), "socket"))
		require.Equal(t, c.code, r.code, "%s: %s", at, r.errors)
		last := r.errors[strings.LastIndex(r.errors, "epsilon: "):]
		require.Contains(t, last, c.want, at)
		oneSentence(t, last)
	}
}
