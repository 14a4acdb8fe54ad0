package rate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
)

// Text shows a report to people, with what was found to be wrong.
func (r *Report) Text(found []doctor.Finding) string {
	var b strings.Builder
	paragraph := func(format string, values ...any) {
		fmt.Fprintf(&b, "%s\n", view.Wrap(fmt.Sprintf(format, values...), view.Width, ""))
	}
	if len(found) > 0 {
		fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(doctor.List(found), "\n"))
	}
	if r.Narrowest == 0 || r.Fault != "" {
		return strings.TrimSuffix(b.String(), "\n")
	}
	paragraph("The counter was measured for %s, of which %s count. %s ε was %s at best.", age(r.Elapsed), age(r.Counted), r.supposed(), view.Duration(r.Narrowest))
	paragraph("It is %s.", r.Counter)
	if r.Disruptions > 0 {
		times := "once"
		if r.Disruptions > 1 {
			times = fmt.Sprintf("%d times", r.Disruptions)
		}
		fmt.Fprintln(&b)
		paragraph("It was disrupted %s: no window reaches across that, nor into the %s before. What happened last:", times, age(doubt))
		for _, reason := range r.Reasons {
			fmt.Fprintf(&b, "  - %s\n", view.Wrap(reason, view.Width-4, "    "))
		}
	}
	r.writeRates(&b)
	r.writeWander(&b)
	if len(r.Stated) > 0 {
		fmt.Fprint(&b, "\nWhat others say of the rate:\n")
		for _, s := range r.Stated {
			fmt.Fprintf(&b, "  - %s\n", view.Wrap(s, view.Width-4, "    "))
		}
	}
	r.writeRecommendation(&b)
	r.writeLimits(&b)
	return b.String()
}

// supposed is what all that is said to be proved rests on.
func (r *Report) supposed() string {
	right := fmt.Sprintf("no more than %d of %d sources were wrong", r.Faulty, r.Voters)
	if r.Voters == 1 {
		right = "the only source was right"
	}
	return fmt.Sprintf("All that follows is proved if %s, and the counter never off by more than %s ppm.", right, number(r.AssumedPPM))
}

func (r *Report) writeRates(b *strings.Builder) {
	if len(r.Windows) == 0 {
		fmt.Fprint(b, "\nNo window has come to its end, not even one of half a minute.\n")
		return
	}
	fmt.Fprint(b, "\nHow fast the counter ran against true time: the mean of each window, in ppm.\n"+
		"Windows of one length overlap: each begins an eighth of it after the one before.\n\n"+
		"  window         how many   every one within            known to\n")
	row := func(name string, w *Windows) {
		fmt.Fprintf(b, "  %-12s %10d   %10s to %-10s   ±%s\n", name, w.Count, signed(w.LowPPM, math.Floor), signed(w.HighPPM, math.Ceil), decimalUp(w.KnownToPPM))
	}
	for i := range r.Windows {
		row(age(r.Windows[i].Length), &r.Windows[i])
	}
	if r.Whole != nil {
		row("all "+age(r.Whole.Length), r.Whole)
	}
	fmt.Fprintln(b)
	if r.ExceededPPM > 0 {
		fmt.Fprintf(b, "%s\n", view.Wrap(fmt.Sprintf("It was off by %s ppm at least: to declare less would have been wrong.", decimalDown(r.ExceededPPM)), view.Width, ""))
	} else {
		fmt.Fprint(b, "Nothing proves that it was off at all.\n")
	}
}

func (r *Report) writeWander(b *strings.Builder) {
	if len(r.Wander) == 0 {
		return
	}
	fmt.Fprint(b, "\nHow fast that rate changed, in ppb a second, by pairs of windows side by side.\n"+
		"What evens out within a window does not show.\n\n"+
		"  windows of     how many   at least   more than this is excluded\n")
	for _, w := range r.Wander {
		fmt.Fprintf(b, "  %-12s %10d %10s   %s\n", age(w.Length), w.Count, decimalDown(w.LeastPPB), decimalUp(w.MostPPB))
	}
}

func (r *Report) writeRecommendation(b *strings.Builder) {
	fmt.Fprint(b, "\nWhat to declare, if you take it upon you:\n\n")
	item := func(name, what, why string) {
		const column = 10
		indent := strings.Repeat(" ", column)
		fmt.Fprintf(b, "  %-8s%s\n%s%s.\n", name, what, indent, view.Wrap(upper(why), view.Width-column-1, indent))
	}
	a := &r.Recommended
	drift := r.keep()
	if a.DriftPPM != nil {
		drift = driftOptions(*a.DriftPPM)
	}
	item("drift", drift, a.DriftWhy)
	wander := "none"
	if a.WanderPPB != nil {
		wander = fmt.Sprintf("max_wander_ppb = %s in [clock], or truetime.WithMaxWander(%[1]s)", number(*a.WanderPPB))
	}
	item("wander", wander, a.WanderWhy)
}

// keep is what to declare where nothing is recommended.
func (r *Report) keep() string {
	declared := fmt.Sprintf("the %s ppm that are declared", number(r.DeclaredDriftPPM))
	usual := fmt.Sprintf("the default of %d ppm", defaultDriftPPM)
	most := usual
	if r.DeclaredDriftPPM > defaultDriftPPM {
		most = declared
	}
	switch {
	case !r.explained() || r.ExceededPPM > max(defaultDriftPPM, r.DeclaredDriftPPM):
		return "more than " + most
	case r.Contradictions > 0:
		return "no less than " + most
	case r.DeclaredDriftPPM > defaultDriftPPM:
		return "no change: keep " + declared
	case r.DeclaredDriftPPM < defaultDriftPPM:
		return fmt.Sprintf("%s: nothing here supports the %s declared", usual, number(r.DeclaredDriftPPM))
	}
	return "no change: keep " + usual
}

// writeLimits says what the evidence is not.
func (r *Report) writeLimits(b *strings.Builder) {
	fmt.Fprint(b, "\nWhat this is no evidence of:\n")
	limits := []string{
		"what comes and goes within half a minute, as under a load of some seconds: it evens out in every window, and what is recommended may not admit it",
		"other temperatures: a crystal moves by about 1 ppm/°C, and a failed fan or a cold start changes its rate by up to 500 ppb a second",
		"another start: the kernel may measure the nominal rate of its counter anew, and be off by another amount",
		"the years: a crystal ages by some ppm in each",
	}
	if r.Counted < 24*time.Hour {
		limits = append(limits, "a whole day and night, or a week with its loads: measure that long before you rely on it")
	}
	if r.Virtual {
		limits = append(limits, fmt.Sprintf("another host: KVM does not scale a guest's counter to a host that is within %[1]d ppm of it, so a migration may step the rate by %[1]d ppm, which the default does not admit either", migrationPPM))
	}
	limits = append(limits, "a counter that stands still where nobody sees it, by less than ε")
	for _, text := range limits {
		fmt.Fprintf(b, "  - %s\n", view.Wrap(text, view.Width-4, "    "))
	}
}

// driftOptions is how to declare a drift.
func driftOptions(ppm float64) string {
	return fmt.Sprintf("drift_ppm = %s in [clock], or truetime.WithDrift(%[1]s)", number(ppm))
}

// age writes a length in the largest two units, and leaves out the second where it is 0.
func age(d time.Duration) string {
	text := view.Age(d)
	if large, small, two := strings.Cut(text, " "); two && strings.HasPrefix(small, "0") {
		return large
	}
	return text
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// What is proved is rounded outward: what has been reached down, and what is excluded up.
func decimalDown(x float64) string { return decimal(x, math.Floor) }
func decimalUp(x float64) string   { return decimal(x, math.Ceil) }

// decimal writes what is at most 1000 with three digits or so.
func decimal(x float64, round func(float64) float64) string {
	digits := 2
	switch {
	case x >= 100:
		digits = 0
	case x >= 10:
		digits = 1
	}
	return strconv.FormatFloat(roundTo(x, digits, round), 'f', digits, 64)
}

func signed(x float64, round func(float64) float64) string {
	return fmt.Sprintf("%+.2f", roundTo(x, 2, round)+0) // no -0.00
}

func roundTo(x float64, digits int, round func(float64) float64) float64 {
	unit := math.Pow10(digits)
	return round(x*unit) / unit
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
