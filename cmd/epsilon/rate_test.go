package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/internal/demo"
	"github.com/epsilontime/epsilon/monotonic"
)

// configured writes a configuration that asks the servers of the demonstration.
func configured(t *testing.T, clock string) string {
	t.Helper()
	servers, err := demo.Start()
	require.NoError(t, err)
	t.Cleanup(func() { servers.Close() })
	text := "[clock]\npoll_min = \"1s\"\npoll_max = \"2s\"\n" + clock
	for _, address := range servers.Addresses() {
		text += fmt.Sprintf("[[source]]\nserver = %q\n", address)
	}
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// interrupted runs a command line and interrupts it once its errors say something.
func interrupted(t *testing.T, says string, args ...string) result {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out bytes.Buffer
	var errors log
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, strings.NewReader(""), &out, &errors) }()
	require.Eventually(t, func() bool { return strings.Contains(errors.String(), says) }, 30*time.Second, 5*time.Millisecond, "%v", &errors)
	interrupt()
	return result{<-ended, out.String(), errors.String()}
}

func TestDoctorMeasuresTheRateUntilItIsInterrupted(t *testing.T) {
	path := configured(t, "drift_ppm = 100\nmax_wander_ppb = 50\nrate_stability_ppm = 20\nmax_uncertainty = \"1us\"\n")
	r := interrupted(t, "the clock answers", "doctor", "--rate", "24h", "--config", path)
	require.Equal(t, 0, r.code, r.errors)
	require.Contains(t, r.errors, "asking the sources of "+path+" for 24h0m0s")
	require.Contains(t, r.out, "no more than 2 of 5 sources were wrong")
	require.Contains(t, r.out, "No window has come to its end")
	require.Contains(t, r.out, "the default of 200 ppm: nothing here supports the 100 declared")
	require.Contains(t, r.out, "What this is no evidence of:")
	narrow(t, r.out)

	r = interrupted(t, "the clock answers", "doctor", "--rate", "--json", "--config", path)
	require.Equal(t, 0, r.code, r.errors)
	var m measured
	require.NoError(t, json.Unmarshal([]byte(r.out), &m))
	require.Empty(t, m.Findings)
	require.Equal(t, 100.0, m.Rate.DeclaredDriftPPM)
	require.Equal(t, 50.0, m.Rate.DeclaredWanderPPB)
	require.Equal(t, 300.0, m.Rate.AssumedPPM)
	require.Equal(t, 5, m.Rate.Voters)
	require.Positive(t, m.Rate.Narrowest)
	require.Contains(t, m.Rate.Recommended.DriftWhy, "too short")
}

// sped is a counter that runs fast, by what no oscillator does.
type sped struct{ monotonic.Counter }

func (s sped) Now() monotonic.Instant { return s.Counter.Now() / 10 * 13 }

// A clock that refuses the counter is followed by one that assumes more, whose report has what the first one said.
func TestACounterThatIsRefusedIsMeasuredAgain(t *testing.T) {
	c, err := config.Find(configured(t, "drift_ppm = 100\n"))
	require.NoError(t, err)
	counter, err := rawCounter()
	if err != nil {
		t.Skip(err)
	}
	var out, errors bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	cmd.SetErr(&errors)
	r, _, err := watchCounter(t.Context(), cmd, c, sped{counter})
	require.NoError(t, err)
	require.Contains(t, errors.String(), "beginning again with a drift of 1000 ppm")
	require.Contains(t, r.Refused, "where 300 are allowed for")
	require.Greater(t, r.RefusedPPM, 300.0)
	require.Equal(t, 1000.0, r.AssumedPPM)
	require.Contains(t, r.Fault, "; no drift admits that")
	require.Nil(t, r.Recommended.DriftPPM)
}

// What could not be measured is no finding about the counter.
func TestDoctorHasNoUseForAMeasurementWithoutAnAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	require.NoError(t, os.WriteFile(path, []byte("[[source]]\nserver = \"127.0.0.1:1\"\n"), 0o644))
	r := interrupted(t, "asking the sources", "doctor", "--rate", "--config", path)
	require.Equal(t, 125, r.code, r.errors)
	require.Contains(t, r.out, "There was no answer to measure the counter by")
}

func TestDoctorRefusesToMeasureWhatMakesNoSense(t *testing.T) {
	path := configured(t, "")
	for args, says := range map[string]string{
		"--rate 3s":                     "--rate 3s: it must be a duration of 1m to 744h, as in 4h",
		"--rate=1h 2h":                  `takes a duration and nothing else, not "2h"`,
		"--rate 1m host":                `not "host": the sources to ask are those of the configuration`,
		"--rate 745h":                   "it must be a duration of 1m to 744h",
		"--rate fast":                   "--rate fast",
		"--rate --config /nowhere":      "there is no file /nowhere",
		"--config " + path:              "--config is for --rate",
		"4h":                            `unknown command "4h"`,
		"--rate 4h 5h --config " + path: `nothing else, not "5h"`,
	} {
		r := epsilon(t, append([]string{"doctor"}, strings.Fields(args)...)...)
		require.Equal(t, 125, r.code, args)
		require.Contains(t, r.errors, says, args)
		require.Equal(t, 1, strings.Count(r.errors, "\n"), r.errors)
	}
}
