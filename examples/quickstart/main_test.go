package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stamped keeps each line that is written and the truth at that moment.
type stamped struct {
	mu    sync.Mutex
	lines []string
	at    []int64
	heed  func(text string) // is told each line, if it is set
}

func (s *stamped) Write(b []byte) (int, error) {
	now := testbed.Realtime()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines, s.at = append(s.lines, string(b)), append(s.at, now)
	if s.heed != nil {
		s.heed(string(b))
	}
	return len(b), nil
}

// decodeStrictly decodes a line that has exactly the documented fields.
func decodeStrictly(t *testing.T, text string) (l line) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&l), text)
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "one object a line")
	require.Equal(t, 1, strings.Count(text, "\n"))
	return l
}

// patience is for how long a line is waited for, on a machine that is busy.
const patience = "2m"

// Whether each answer contains the truth to the nanosecond is tested in ntpsrc.
func TestFourRealServersAndOneLiar(t *testing.T) {
	t.Parallel()
	args := []string{"-json", "-for", patience, "-local"}
	want := make(map[string]string)
	for range 4 {
		server := testbed.StartChronyd(t).Address()
		args, want[server] = append(args, "-server", server), "truechimer"
	}
	liar := testbed.StartLyingChronyd(t, 250*time.Millisecond).Address()
	args, want[liar] = append(args, "-server", liar), "falseticker"
	verdicts := func(l line) map[string]string {
		found := make(map[string]string)
		for _, s := range l.Sources {
			found[s.Name] = s.Verdict
		}
		return found
	}

	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var out stamped
	out.heed = func(text string) {
		if len(out.lines) >= 4 && maps.Equal(want, verdicts(decodeStrictly(t, text))) {
			enough()
		}
	}
	before := testbed.Realtime()
	require.NoError(t, run(ctx, args, &out))
	var last line
	for i, text := range out.lines {
		last = decodeStrictly(t, text)
		require.Len(t, last.Sources, 5)
		if last.EarliestNS != nil { // the first lines may come before the first answers
			require.EqualValues(t, 1, last.Epoch)
			require.LessOrEqual(t, *last.EarliestNS, out.at[i])
			require.GreaterOrEqual(t, *last.LatestNS, before, "the clock was read after the line before")
			require.Equal(t, (*last.LatestNS-*last.EarliestNS+1)/2, *last.UncertaintyNS)
		}
		before = out.at[i]
	}
	require.Equal(t, want, verdicts(last))
	require.Equal(t, "synchronized", last.State)
	require.NotNil(t, last.EarliestNS)
}

func TestWithoutServersItBringsItsOwnAndCatchesTheLiar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-for", "3s"}, &out))
	require.Contains(t, out.String(), "lies: it is off by 250ms")
	require.Contains(t, out.String(), "has passed everywhere after a wait of")
	blocks := strings.Split(out.String(), "\n\n")
	last := blocks[len(blocks)-2] // before the commit
	require.Equal(t, 4, strings.Count(last, "truechimer"), out.String())
	require.Equal(t, 1, strings.Count(last, "falseticker"), out.String())
}

func TestItShowsTheClockOnceASecond(t *testing.T) {
	const ms = time.Millisecond
	for duration, want := range map[time.Duration][]time.Duration{
		300 * ms:  {300 * ms},
		1000 * ms: {1000 * ms},
		3500 * ms: {1000 * ms, 2000 * ms, 3000 * ms},
		4000 * ms: {1000 * ms, 2000 * ms, 3000 * ms, 4000 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var shown []time.Duration
			everySecond(t.Context(), duration, func() { shown = append(shown, time.Since(start)) })
			require.Equal(t, want, shown)
			require.Equal(t, duration, time.Since(start))
		})
	}
}

func TestShortRunPrintsOneLine(t *testing.T) {
	var out stamped
	if err := run(t.Context(), []string{"-json", "-for", "300ms"}, &out); err != nil { // where the first answers take longer
		require.ErrorContains(t, err, "no answer at the end")
	}
	require.Len(t, out.lines, 1)
	decodeStrictly(t, out.lines[0])
}

func TestUnsynchronizedLineHasNoNumbers(t *testing.T) {
	t.Parallel()
	var out stamped
	err := run(t.Context(), []string{"-json", "-for", "3s", "-server", "127.0.0.1:9"}, &out)
	require.ErrorContains(t, err, "no answer at the end")
	require.ErrorContains(t, err, "nothing listens at 127.0.0.1:9")
	require.NotEmpty(t, out.lines)
	for _, text := range out.lines {
		l := decodeStrictly(t, text)
		require.Nil(t, l.EarliestNS)
		require.Nil(t, l.LatestNS)
		require.Nil(t, l.UncertaintyNS)
		require.Equal(t, "unsynchronized", l.State)
		require.Equal(t, []lineSource{{Name: "127.0.0.1:9", Verdict: "silent"}}, l.Sources)
	}
}

func TestEachMistakeIsOneSentence(t *testing.T) {
	for args, want := range map[string]string{
		"-drift -5":         "drift of -5 ppm",
		"-drift x":          `invalid value "x" for flag -drift`,
		"-poll 0s":          "poll interval of 0s to 0s",
		"-for 0s":           "-for 0s: it must be above 0",
		"-bogus":            "flag provided but not defined: -bogus",
		"-http :9123":       `":9123" is no address with a port`,
		"-http 192.0.2.1:0": "-http: cannot listen at 192.0.2.1:0: this host has no such address",
		"ntp1.example.net":  "servers are given with -server",
		"-server 127.0.0.1 -server 127.0.0.1:123": `source "127.0.0.1" is given more than once`,
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(args), &out)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\n")
		require.Empty(t, out.String())
	}
}

func TestInterruptEndsTheRunDuringAPoll(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out stamped
	err := run(ctx, []string{"-json", "-for", "1h", "-server", "127.0.0.1:9"}, &out)
	require.ErrorContains(t, err, "not synchronized")
	require.Empty(t, out.lines)
}

func TestServersThatDieLeaveHoldoverAndSayItAtTheEnd(t *testing.T) {
	t.Parallel()
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
	require.NoError(t, err)
	defer s.Close()
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var dead bool
	out := stamped{heed: func(text string) {
		switch l := decodeStrictly(t, text); {
		case !dead && l.EarliestNS != nil:
			dead = true
			s.Close()
		case dead && l.State == "holdover":
			require.NotNil(t, l.EarliestNS, "it is an answer still")
			enough()
		}
	}}
	err = run(ctx, []string{"-json", "-for", patience, "-poll", "50ms", "-server", s.Address()}, &out)
	require.ErrorContains(t, err, "the clock was in holdover at the end, still right, but ε had grown to")
	require.ErrorContains(t, err, "nothing listens at")
}

func TestOutputThatCannotBeWrittenEndsTheRun(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"-json", "-json=false"} {
		err := run(t.Context(), []string{format, "-for", "1h"}, full{})
		require.ErrorIs(t, err, errFull)
		require.ErrorContains(t, err, "cannot write the output")
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestLinesAreCutToTheWidthOfTheTerminal(t *testing.T) {
	require.Equal(t, "\nabc\nε = \n", cut("\nabc\nε = 1 ms\n", 5))
}

func TestHelpListsTheFlags(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-help"}, &out))
	for _, flag := range []string{"-server", "-for", "-poll", "-drift", "-json", "-http"} {
		require.Contains(t, out.String(), flag)
	}
}

func TestTheClockIsShownInABrowserUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-http", "127.0.0.1:0"}, write)
		write.Close()
	}()
	lines := bufio.NewScanner(read)
	url := ""
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), "In a browser: ")
	}
	go func() {
		for lines.Scan() { // so that it can go on
		}
	}()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{"": "<title>Epsilon</title>", "live": "event: past"} {
		response, err := client.Get(url + path)
		require.NoError(t, err)
		text, err := io.ReadAll(io.LimitReader(response.Body, 11))
		require.NoError(t, err)
		if path == "" {
			more, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			text = append(text, more...)
		}
		response.Body.Close()
		require.Contains(t, string(text), want)
	}
	interrupt()
	if err := <-ended; err != nil { // where it was interrupted before the first answers
		require.ErrorContains(t, err, "no answer at the end")
	}
}

func TestServerMayBeAuthenticated(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), []string{"-json", "-for", "3s", "-server", "nts://127.0.0.1:1"}, &out)
	require.ErrorContains(t, err, "nts://127.0.0.1:1: key exchange with 127.0.0.1:1: nothing listens at this TCP port")
}
