package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor/rate"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// For how long the counter's rate is measured.
const (
	usualMeasurement    = 4 * time.Hour
	shortestMeasurement = time.Minute
	longestMeasurement  = 31 * 24 * time.Hour
)

// measured is what doctor --rate prints as JSON.
type measured struct {
	Findings []doctor.Finding
	Rate     rate.Report
}

// measurementOf reads how long to measure.
func measurementOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < shortestMeasurement || d > longestMeasurement {
		return 0, fmt.Errorf("--rate %s: it must be a duration of 1m to 744h, as in 4h", text)
	}
	return d, nil
}

// measureRate asks the sources of a configuration for a while, or until it is interrupted, and prints what that
// proves about the counter.
func measureRate(cmd *cobra.Command, s *settings, path string, length time.Duration) error {
	noUse := func(err error) error { return exit{exitDoctorNoUse, err} }
	c, err := config.Find(path)
	if err != nil {
		return noUse(err)
	}
	counter, err := rawCounter()
	if err != nil {
		return noUse(err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "epsilon: asking the sources of %s for %v; ^C prints what there is by then\n", c.File, length)
	ctx, cancel := context.WithTimeout(cmd.Context(), length)
	defer cancel()
	report, why, err := watchCounter(ctx, cmd, c, counter)
	if err != nil {
		return noUse(err)
	}
	found := report.Findings(why)
	if s.json {
		err = printJSON(cmd, measured{found, report})
	} else {
		_, err = fmt.Fprint(cmd.OutOrStdout(), report.Text(found))
	}
	switch {
	case err != nil:
		return noUse(errors.New("cannot write what was measured: " + err.Error()))
	case report.Narrowest == 0 && report.Fault == "" && report.Refused == "":
		return exit{code: exitDoctorNoUse} // nothing was measured, and so nothing is proved to be wrong
	case len(found) > 0:
		return exit{code: len(found)}
	}
	return nil
}

// watchCounter measures a counter, and says why there is no answer if there is none. With a counter that is off by more
// than is assumed it begins again and assumes more.
func watchCounter(ctx context.Context, cmd *cobra.Command, c *config.Config, counter monotonic.Counter) (r rate.Report, why string, err error) {
	r, why, err = watchRate(ctx, c, counter, max(rate.AssumedDriftPPM, c.DriftPPM), rate.Report{}, progress(cmd))
	if errors.Is(err, truetime.ErrClockFaulty) {
		wide := max(rate.WideDriftPPM, c.DriftPPM)
		fmt.Fprintf(cmd.ErrOrStderr(), "epsilon: %v; beginning again with a drift of %v ppm\n", err, wide)
		r, why, err = watchRate(ctx, c, counter, wide, r, progress(cmd))
	}
	if errors.Is(err, truetime.ErrClockFaulty) {
		err = nil // which the report says
	}
	return r, why, err
}

// watchRate measures a counter by a clock of its own that assumes a drift. The report before is of a clock that assumed
// less and refused, if one has. The error is [truetime.ErrClockFaulty] if the counter is off by more.
func watchRate(ctx context.Context, c *config.Config, counter monotonic.Counter, driftPPM float64, before rate.Report, told func(*rate.Measurement)) (r rate.Report, why string, err error) {
	clock, end, err := clockToMeasure(c, counter, driftPPM)
	if err != nil {
		return r, "", err
	}
	defer end()
	m := rate.New(counter, driftPPM)
	err = m.Watch(ctx, clock, told)
	status := clock.Status()
	if why = status.Summary(); err != nil {
		why = err.Error()
	}
	on := machine(c, counter, status)
	on.Refused, on.RefusedPPM = before.Fault, before.FaultPPM
	return m.Report(on), why, err
}

// rawCounter returns the counter that a declared drift is about: what the clock otherwise reads may be scaled, and
// allows for how well its scale is known. System knows whether there is any.
func rawCounter() (monotonic.Counter, error) {
	if _, err := monotonic.System(); err != nil {
		return nil, err
	}
	return monotonic.Raw()
}

// clockToMeasure starts a clock on a counter, of which it assumes a drift and nothing else.
func clockToMeasure(c *config.Config, counter monotonic.Counter, driftPPM float64) (clock *truetime.Clock, end func(), err error) {
	var sources []truetime.Source
	var port *ptpsrc.Port
	closePort := func() {
		if port != nil {
			_ = port.Close()
		}
	}
	for _, source := range c.Sources {
		if source.UsesPort && port == nil {
			if port, err = ptpsrc.NewPort(); err != nil {
				return nil, nil, fmt.Errorf("the ptp sources: %w", err)
			}
		}
		sources = append(sources, source.Make(port)...)
	}
	clock, err = truetime.New(sources, append(c.OptionsToMeasure(driftPPM), truetime.WithCounter(counter))...)
	if err != nil {
		closePort()
		return nil, nil, err
	}
	return clock, func() { _ = clock.Close(); closePort() }, nil
}

// impatience is after how long without an answer it is said what is missing: a measurement takes hours.
const impatience = time.Minute

// progress tells of the first answer, or that there is none, and of disruptions.
func progress(cmd *cobra.Command) func(*rate.Measurement) {
	tell := func(format string, values ...any) { fmt.Fprintf(cmd.ErrOrStderr(), "epsilon: "+format+"\n", values...) }
	answered, complained, disruptions := false, false, uint64(0)
	return func(m *rate.Measurement) {
		if e := m.Narrowest(); e > 0 && !answered {
			answered = true
			tell("the clock answers, ε is %s", view.Duration(e))
		}
		if waiting, why := m.Waiting(); waiting > impatience && !complained {
			complained = true
			tell("no answer yet: %s", why)
		}
		if n, reason := m.Disruptions(); n > disruptions {
			disruptions = n
			tell("disrupted: %s", reason)
		}
	}
}

// machine is what is known about where the counter runs. Where it cannot be seen, it is taken to be virtual.
func machine(c *config.Config, counter monotonic.Counter, s truetime.Status) rate.Machine {
	virtual, known := (&doctor.Case{System: os.DirFS("/")}).Virtual()
	return rate.Machine{
		Counter:           s.Counter,
		Virtual:           virtual || !known,
		VMClock:           strings.Contains(s.Counter, "VMClock watched at"),
		DeclaredDriftPPM:  c.DriftPPM,
		DeclaredWanderPPB: c.WanderPPB,
		Stated:            stated(counter),
	}
}
