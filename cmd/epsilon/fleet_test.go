package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/testing/ports"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

const fleetKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

func (s served) fleet(t testing.TB) (f api.Fleet) {
	t.Helper()
	r := s.ask(t, "fleet", "--json")
	require.NoError(t, json.Unmarshal([]byte(r.out), &f), r.errors)
	return f
}

// shown is what the status page is sent first of the daemon's state.
func (s served) shown(t testing.TB) string {
	t.Helper()
	response, err := http.Get(s.report(t).Daemon.HTTP[0] + "live")
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for kind := ""; ; {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if text, found := strings.CutPrefix(line, "data: "); found && kind == "event: status\n" {
			return text
		} else if !found {
			kind = line
		}
	}
}

// Four daemons, one of which follows a server that is 10 s off.
func TestAFleetNamesTheMachineThatFollowsALiar(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, []byte(fleetKey), 0o600))
	liar, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Offset: 10 * time.Second, Dispersion: 100 * time.Microsecond})
	require.NoError(t, err)
	defer liar.Close()
	const n, wrong = 4, 2
	var peers []string
	for _, at := range ports.UDP(t, "127.0.0.1", n) {
		peers = append(peers, at.String())
	}
	var all []served
	for i, at := range peers {
		server := ntpServer(t)
		if i == wrong {
			server = liar.Address()
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.toml", i))
		rewrite(t, path, fmt.Sprintf("[fleet]\nname = \"host%d\"\nlisten = [%q]\npeers = [%s]\nkey_file = %q\ninterval = \"200ms\"", i, at,
			`"`+strings.Join(peers, `", "`)+`"`, key), server)
		all = append(all, serve(t, "--config", path, "--http", "127.0.0.1:0"))
	}
	for i, s := range all {
		var f api.Fleet
		require.Eventually(t, func() bool {
			f = s.fleet(t)
			return len(f.Convicted) == 1 && f.Machines == n
		}, 30*time.Second, 50*time.Millisecond, "%v", s.log)
		require.Equal(t, peers[wrong], f.Convicted[0].Machine)
		require.Equal(t, 1, f.Faulty)
		shown := fmt.Sprintf(`"Fleet":{"Machines":4,"Faulty":1,"Answering":3,"Convicted":1,"TooMany":false,"Wrong":%v,`, i == wrong)
		require.Eventually(t, func() bool { return strings.Contains(s.shown(t), shown) }, 30*time.Second, 50*time.Millisecond, "%v", s.log)
		require.Equal(t, 1, s.ask(t, "fleet").code)
		text := s.ask(t, "fleet").out
		require.Contains(t, strings.Join(strings.Fields(text), " "), "Proved wrong: "+peers[wrong]+".")
		require.LessOrEqual(t, strings.Count(text, "\n"), 24)
		narrow(t, text)
		status := s.ask(t, "status").out
		require.Contains(t, strings.Join(strings.Fields(status), " "), peers[i]+", one of 4 machines, of which 1 may be wrong")
		narrow(t, status)
		if i == 0 {
			t.Logf("\n%s\n%s", text, status)
		}
		code, body := s.get(t, "fleet")
		require.Equal(t, http.StatusOK, code)
		require.NoError(t, json.Unmarshal([]byte(body), &f))
		require.Equal(t, peers[wrong], f.Convicted[0].Machine)
		r := s.report(t).Daemon.Fleet
		require.Equal(t, []string{peers[wrong]}, r.Convicted)
		require.Equal(t, i == wrong, r.Wrong)
		require.NotZero(t, r.Probes.Answered)
		want := peers[wrong] + " (host2) is wrong: its clock contradicts those of"
		if i == wrong {
			want = "THIS MACHINE'S CLOCK IS WRONG"
		}
		require.Contains(t, strings.Join(strings.Fields(status), " "), want)
		require.Eventually(t, func() bool { return strings.Contains(s.log.String(), want) }, 20*time.Second, 20*time.Millisecond)
	}
	require.Equal(t, 0, all[0].stop())
}

func TestADaemonInNoFleetSaysSo(t *testing.T) {
	s := serve(t, "--demo")
	r := s.ask(t, "fleet")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.errors, "this daemon is in no fleet")
	oneSentence(t, r.errors)
}

func TestAPortOfTheFleetThatIsTaken(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	key, path := filepath.Join(dir, "key"), filepath.Join(dir, "epsilon.toml")
	require.NoError(t, os.WriteFile(key, []byte(fleetKey), 0o600))
	rewrite(t, path, fmt.Sprintf("[fleet]\nname = \"a\"\nlisten = [%q]\npeers = [\"b:1\", \"c:1\"]\nkey_file = %q", taken.LocalAddr(), key), "127.0.0.1:9")
	r := epsilon(t, "serve", "--config", path, "--socket", dir+"/s")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "in use")
	oneSentence(t, r.errors[strings.LastIndex(r.errors, "epsilon: "):])
}
