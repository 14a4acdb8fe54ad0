package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t testing.TB, path, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestServersOfChronyAreTakenOver(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "chrony.conf"), fmt.Sprintf(`
# a comment
! another
SERVER 192.0.2.1 iburst port 1123
server 2001:db8::7 port 1124
peer 192.0.2.2
pool 2.pool.example.net iburst maxsources 2
server time.example.net iburst nts ntsport 4461
server 192.0.2.2 iburst
server
refclock PHC /dev/ptp0 poll 0
makestep 1.0 3
include %[1]s/more*.conf
confdir %[1]s/conf.d
sourcedir %[1]s/run %[1]s/sources.d
`, dir))
	write(t, filepath.Join(dir, "more1.conf"), "server 192.0.2.3\n")
	write(t, filepath.Join(dir, "conf.d", "a.conf"), "server 192.0.2.4\n")
	write(t, filepath.Join(dir, "conf.d", "a.txt"), "server 192.0.2.99\n")
	write(t, filepath.Join(dir, "run", "dhcp.sources"), "server 192.0.2.5 iburst\n")
	write(t, filepath.Join(dir, "sources.d", "dhcp.sources"), "server 192.0.2.98\n")
	write(t, filepath.Join(dir, "sources.d", "own.sources"), "server 192.0.2.6")

	c, err := FromChrony(path)
	require.NoError(t, err)
	var found []string
	for _, s := range c.Sources {
		for _, source := range s.Make(nil) {
			found = append(found, source.Info().Name)
		}
	}
	require.Equal(t, []string{"192.0.2.1:1123", "[2001:db8::7]:1124", "192.0.2.2", "2.pool.example.net#1", "2.pool.example.net#2",
		"nts://time.example.net:4461", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"}, found)
	require.Equal(t, []string{
		"server 192.0.2.2 is left out: it is given more than once",
		path + `: the reference clock "PHC /dev/ptp0 poll 0" is left out: name its device in ` + DefaultPath,
	}, c.Notes)
}

// Two servers that chronyd only watches could outvote the one that it follows.
func TestWhoHasNoVoteInChronyHasNoneHere(t *testing.T) {
	c, err := FromChrony(write(t, filepath.Join(t.TempDir(), "chrony.conf"), `
server 192.0.2.1 iburst prefer
server 192.0.2.50 noselect
pool 2.pool.example.net iburst NoSelect maxsources 4
server 192.0.2.51 offset 0.5
server 192.0.2.2 offset 0.0 trust require
server 192.0.2.3 offline
`))
	require.NoError(t, err)
	var found []string
	for _, s := range c.Sources {
		found = append(found, s.Address)
	}
	require.Equal(t, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, found)
	const other = "; name it in " + DefaultPath + " if it is to have a vote"
	const not = "; write " + DefaultPath + " if it is not to be so"
	require.Equal(t, []string{
		"server 192.0.2.1: the option prefer has no effect: here every server has one vote" + not,
		"server 192.0.2.50 is left out: chronyd may not select it (noselect)" + other,
		"pool 2.pool.example.net is left out: chronyd may not select it (noselect)" + other,
		"server 192.0.2.51 is left out: chronyd corrects what it says (offset)" + other,
		"server 192.0.2.2: the option trust has no effect: here every server has one vote, and can be outvoted" + not,
		"server 192.0.2.2: the option require has no effect: here there is an answer without this server, too" + not,
		"server 192.0.2.3: the option offline has no effect: here it is asked from the start" + not,
	}, c.Notes)
}

func TestChronyWithoutServers(t *testing.T) {
	_, err := FromChrony(write(t, filepath.Join(t.TempDir(), "chrony.conf"), "refclock SHM 0\n"))
	require.ErrorContains(t, err, "names no server that could be asked")
	_, err = FromChrony(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestChronyThatIncludesItselfEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chrony.conf")
	write(t, path, "include "+path+"\ninclude "+path+"\nserver a\n")
	_, err := FromChrony(path)
	require.ErrorContains(t, err, "includes more files, or deeper, than chronyd would read")
}

func FuzzChrony(f *testing.F) {
	f.Add("server a nts port\npool b maxsources -1\nconfdir\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := chronyReader{config: defaults("f"), seen: map[string]bool{}}
		for _, directive := range []string{"server ", "pool ", "peer ", "refclock "} {
			_ = r.directive(directive+text, "f", 0)
		}
		if len(r.seen) > maxChronySources {
			t.Fatalf("%d sources", len(r.seen))
		}
	})
}
