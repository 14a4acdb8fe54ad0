package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

// beEpsilon in the environment makes the test binary the program itself, for tests that need a process.
const beEpsilon = "EPSILON_TEST_BE_EPSILON"

func TestMain(m *testing.M) {
	if os.Getenv(beEpsilon) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// result is what a command has printed and its exit code.
type result struct {
	code        int
	out, errors string
}

func epsilon(t testing.TB, args ...string) result {
	t.Helper()
	var out, errors bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &out, &errors)
	return result{code, out.String(), errors.String()}
}

// log is a buffer that a daemon writes to while a test reads it.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// served is a daemon that runs within the test.
type served struct {
	socket string
	log    *log
	stop   func() int // ends it, and returns its exit code
}

// serve runs a daemon until the test ends, and returns once it listens.
func serve(t testing.TB, args ...string) served {
	t.Helper()
	s := served{socket: filepath.Join(t.TempDir(), "socket"), log: &log{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--socket", s.socket}, args...), strings.NewReader(""), io.Discard, s.log)
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() { s.stop() })
	require.Eventually(t, func() bool {
		c, err := net.Dial("unix", s.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 5*time.Millisecond, "%v", s.log)
	return s
}

func (s served) ask(t testing.TB, args ...string) result {
	return epsilon(t, append(args, "--socket", s.socket)...)
}

func (s served) report(t testing.TB) (r api.Report) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(s.ask(t, "status", "--json").out), &r))
	return r
}

func TestDemoShowsItsSourcesAndTheLiar(t *testing.T) {
	s := serve(t, "--demo")
	waited := s.ask(t, "wait", "--within", "50ms", "--timeout", "30s")
	require.Equal(t, 0, waited.code, waited.errors)
	require.Contains(t, waited.out, "at most 50ms")

	var r api.Report
	require.Eventually(t, func() bool {
		r = s.report(t)
		return r.Clock.Heard == 5
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, os.Getpid(), r.Daemon.PID)
	require.True(t, r.Daemon.Ready)
	require.Equal(t, truetime.Synchronized, r.Clock.State)
	require.Equal(t, r.Clock.Uncertainty, r.Clock.Budget.Uncertainty())
	var liars []string
	for _, source := range r.Clock.Sources {
		if source.Verdict == truetime.Falseticker {
			liars = append(liars, source.Name)
		}
	}
	require.Len(t, liars, 1)
	require.Contains(t, r.Daemon.Notes[0], liars[0]+" lies")

	status := s.ask(t, "status")
	require.Equal(t, 0, status.code)
	require.Contains(t, status.out, "The clock is synchronized: ε is ")
	require.Contains(t, status.out, "✗ "+liars[0])
	require.Equal(t, 4, strings.Count(status.out, "✓"))
	narrow(t, status.out)
	sources := s.ask(t, "sources")
	require.Equal(t, 0, sources.code)
	require.Contains(t, sources.out, "falseticker")
	narrow(t, sources.out)

	now := s.ask(t, "now", "--json")
	var reading api.Reading
	require.NoError(t, json.Unmarshal([]byte(now.out), &reading))
	require.True(t, reading.Interval.Valid())
	require.Equal(t, reading.Interval.Uncertainty(), reading.Uncertainty)

	require.Equal(t, 0, s.stop())
	require.Contains(t, s.log.String(), "the daemon is ready")
	require.Contains(t, s.log.String(), "is falseticker")
	require.Equal(t, 2, s.ask(t, "status").code)
}

// narrow requires that a text fits into a terminal.
func narrow(t testing.TB, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 80, line)
	}
}

func TestWaitExitsWithOneInTimeAndTwoWithoutADaemon(t *testing.T) {
	s := serve(t, "--demo")
	late := s.ask(t, "wait", "--within", "1ns", "--timeout", "100ms")
	require.Equal(t, 1, late.code)
	require.Contains(t, late.errors, "not within 1ns after 100ms")
	require.Equal(t, 1, s.ask(t, "wait", "--within", "1ns", "--timeout", "0s", "--json").code)

	none := epsilon(t, "wait", "--socket", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, 2, none.code)
	require.Contains(t, none.errors, "no daemon runs here: there is no socket")
	for _, args := range []string{"--within 0s", "--within 5", "--timeout -1s", "--bogus", "argument"} {
		bad := s.ask(t, append([]string{"wait"}, strings.Fields(args)...)...)
		require.Equal(t, 2, bad.code, args)
		oneSentence(t, bad.errors)
	}
}

// oneSentence requires that an error is one line.
func oneSentence(t testing.TB, text string) {
	t.Helper()
	require.True(t, strings.HasPrefix(text, "epsilon: "), text)
	require.Equal(t, 1, strings.Count(text, "\n"), text)
}

func TestWhatIsWrongAtTheStartIsOneSentence(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	running := serve(t, "--demo")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "other"), Net: "unix"})
	require.NoError(t, err)
	defer left.Close()
	const good = "[[source]]\nserver = \"127.0.0.1:9\"\n"
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"socket in use":      {[]string{"--demo", "--socket", running.socket}, 1, "another daemon runs and has the socket"},
		"somebody's socket":  {[]string{"--demo", "--socket", left.Addr().String()}, 1, "another program listens at"},
		"no socket":          {[]string{"--demo", "--socket", write("file", "")}, 1, "there is a file that is no socket"},
		"socket's directory": {[]string{"--demo", "--socket", write("file2", "") + "/socket"}, 1, "cannot make the directory of the socket"},
		"long path":          {[]string{"--demo", "--socket", "/" + strings.Repeat("x", 200)}, 1, "a Unix socket may have 107"},
		"no file":            {[]string{"--config", dir + "/none"}, 2, "there is no file " + dir + "/none"},
		"one mistake":        {[]string{"--config", write("one", good+"x = 1\n")}, 2, "line 3: x is no key of [[source]]"},
		"no such user":       {[]string{"--config", write("user", "user = \"nobody-of-that-name\"\n"+good), "--socket", dir + "/s"}, 1, "there is no such user"},
		"both":               {[]string{"--demo", "--config", "x"}, 2, "config demo"},
		"an argument":        {[]string{"x"}, 2, "unknown command"},
		"bad flag":           {[]string{"--nothing"}, 2, "unknown flag"},
	} {
		r := epsilon(t, append([]string{"serve"}, c.args...)...)
		require.Equal(t, c.code, r.code, "%s: %s", name, r.errors)
		require.Contains(t, r.errors, c.want, name)
		last := r.errors[strings.LastIndex(r.errors, "epsilon: "):]
		oneSentence(t, last)
	}
}

func TestCheckConfigTellsEveryMistake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.toml")
	require.NoError(t, os.WriteFile(path, []byte("[clock]\ndrift = 1\npoll_min = 4\n[[source]]\nserver = \"a\"\n"), 0o644))
	bad := epsilon(t, "check-config", path)
	require.Equal(t, 2, bad.code)
	require.Equal(t, "epsilon: "+path+" has 2 mistakes:\n  line 2: drift is no key of [clock]: is drift_ppm meant?\n"+
		"  line 3: poll_min = 4: it must be a duration with its unit, as in \"16s\", \"1.5ms\" or \"250us\"\n", bad.errors)
	var r checked
	inJSON := epsilon(t, "check-config", path, "--json")
	require.Equal(t, 2, inJSON.code)
	require.NoError(t, json.Unmarshal([]byte(inJSON.out), &r))
	require.Equal(t, []int{2, 3}, []int{r.Mistakes[0].Line, r.Mistakes[1].Line})

	require.NoError(t, os.WriteFile(path, []byte("[[source]]\nserver = \"a\"\n"), 0o644))
	good := epsilon(t, "check-config", path)
	require.Equal(t, 0, good.code, good.errors)
	require.Contains(t, good.out, "is good: 1 sources\n  server   a\n")
}

func TestSocketAnswersHTTP(t *testing.T) {
	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}}}
	for path, want := range map[string]int{
		"/status": 200, "/now": 200, "/history": 200, "/readyz": 200, "/readyz?within=1h": 200, "/readyz?within=1ns": 503,
		"/readyz?within=1": 400, "/readyz?within=-1s": 400, "/readyz?wait=x": 400, "/none": 404, "/reload": 405,
	} {
		response, err := client.Get("http://epsilon" + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, want, response.StatusCode, "%s: %s", path, body)
	}
}

func TestEventsAreStreamed(t *testing.T) {
	s := serve(t, "--config", configOf(t, "127.0.0.1:9")) // where nothing listens: every poll fails
	client := api.NewClient(s.socket)
	defer client.Close()
	enough := errors.New("enough")
	err := client.Events(t.Context(), func(e truetime.Event) error {
		require.Equal(t, truetime.EventPollFailed, e.Kind)
		require.Equal(t, "127.0.0.1:9", e.Source)
		require.Error(t, e.Err)
		return enough
	})
	require.ErrorIs(t, err, enough)
	ended := make(chan error, 1)
	heard := make(chan struct{}, 1)
	go func() {
		ended <- client.Events(t.Context(), func(truetime.Event) error {
			select {
			case heard <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	<-heard
	s.stop()
	require.ErrorIs(t, <-ended, api.ErrNoDaemon)
}

func TestManualPagesAreWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	require.Equal(t, 0, epsilon(t, "man", dir).code)
	for _, page := range []string{"epsilon.1", "epsilon-serve.1", "epsilon-status.1", "epsilon-wait.1"} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		require.NoError(t, err)
		require.Contains(t, string(text), ".TH \"EPSILON")
	}
}

func TestCompletionsAndHelp(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Equal(t, 0, epsilon(t, "completion", shell).code)
	}
	for _, topic := range [][]string{{"help"}, {"help", "json"}, {"help", "config"}, {"serve", "--help"}, {"version"}} {
		r := epsilon(t, topic...)
		require.Equal(t, 0, r.code)
		require.NotEmpty(t, r.out)
	}
	require.Contains(t, epsilon(t, "version", "--json").out, `"Go":"go1.`)
}

func TestTopIsOneScreenWhereThereIsNoTerminal(t *testing.T) {
	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	top := s.ask(t, "top")
	require.Equal(t, 0, top.code, top.errors)
	require.Contains(t, top.out, "epsilon  synchronized  ε ")
	require.NotContains(t, top.out, "\x1b")
	require.LessOrEqual(t, strings.Count(top.out, "\n"), 24)
	narrow(t, top.out)
	require.Equal(t, 2, epsilon(t, "top", "--socket", filepath.Join(t.TempDir(), "none")).code)
	require.Equal(t, 2, s.ask(t, "top", "--every", "1ms").code)
}

func TestWhyAddsUp(t *testing.T) {
	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	why := s.ask(t, "why")
	require.Equal(t, 0, why.code, why.errors)
	require.Contains(t, why.out, "100 %")
	narrow(t, why.out)
	var b truetime.Budget
	require.NoError(t, json.Unmarshal([]byte(s.ask(t, "why", "--json").out), &b))
	require.Equal(t, b.Delay+b.Claim+b.Drift+b.Leap+b.Disagreement, b.Uncertainty())
	require.NotEmpty(t, b.EarliestFrom)
}

func TestDoctorExitsWithTheNumberOfItsFindings(t *testing.T) {
	var none, demo examined
	alone := epsilon(t, "doctor", "--json", "--socket", filepath.Join(t.TempDir(), "none"))
	require.NoError(t, json.Unmarshal([]byte(alone.out), &none))
	require.Equal(t, len(none.Findings), alone.code)
	require.Equal(t, "no-daemon", none.Findings[0].ID)

	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	var found result
	require.Eventually(t, func() bool {
		found = s.ask(t, "doctor", "--json")
		return strings.Contains(found.out, `"falseticker"`)
	}, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, json.Unmarshal([]byte(found.out), &demo))
	require.Equal(t, len(demo.Findings), found.code)
	narrow(t, s.ask(t, "doctor").out)
	require.Equal(t, 125, epsilon(t, "doctor", "--bogus").code)
}

// A daemon that is stopped, by a signal or a debugger, still has a socket that takes connections.
func TestADaemonThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer l.Close()
	var asking sync.WaitGroup
	for _, c := range []struct {
		code int
		args string
	}{
		{1, "wait --timeout 100ms"}, {2, "wait --timeout 1h --within 1ms"}, {2, "status"}, {2, "now"}, {2, "reload"},
		{2, "events"}, {2, "record -"}, {2, "top"},
	} {
		asking.Go(func() {
			began := time.Now()
			r := epsilon(t, append(strings.Fields(c.args), "--socket", path)...)
			assert.Less(t, time.Since(began), 25*time.Second, c.args)
			assert.Equal(t, c.code, r.code, "%s: %s", c.args, r.errors)
			assert.Contains(t, r.errors, "it is stuck", c.args)
			assert.Equal(t, 1, strings.Count(r.errors, "\n"), r.errors)
		})
	}
	asking.Go(func() {
		r := epsilon(t, "doctor", "--json", "--socket", path)
		assert.Contains(t, r.out, "it is stuck")
	})
	asking.Wait()
}

// What has nothing recorded in it is no recording, in whatever form it is asked for.
func TestAnEmptyJournalIsNoRecording(t *testing.T) {
	s := serve(t, "--demo")
	require.Equal(t, 0, s.ask(t, "wait").code)
	file := filepath.Join(t.TempDir(), "journal")
	require.Equal(t, 0, s.ask(t, "record", file).code)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	header, _, _ := bytes.Cut(text, []byte("\n"))
	require.NoError(t, os.WriteFile(file, append(header, '\n'), 0o644))
	for _, form := range []string{"--json=false", "--json"} {
		require.Equal(t, 1, epsilon(t, "replay", file, form).code, form)
	}
}
