package rate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor"
)

// evidence is a day of a counter whose windows of a minute do not exclude 40 ppm, and pairs of five minutes 30 ppb/s.
func evidence() Report {
	const day = 24 * time.Hour
	return Report{
		Machine: Machine{Counter: "a counter", DeclaredDriftPPM: 200},
		Elapsed: day, Counted: day, Narrowest: time.Microsecond, Voters: 4, Faulty: 1, AssumedPPM: AssumedDriftPPM,
		Windows: []Windows{
			{Length: time.Minute, Count: 9, Covered: day, LowPPM: -30, HighPPM: 40, KnownToPPM: 5},
			{Length: time.Hour, Count: 9, Covered: day, LowPPM: -20, HighPPM: 20, KnownToPPM: 1},
			{Length: 4 * time.Hour, Count: 9, Covered: day, LowPPM: -10, HighPPM: 10, KnownToPPM: 0.1},
		},
		Wander: []Wander{
			{Length: shortest, Count: 9, Covered: day, MostPPB: 30},
			{Length: time.Minute, Count: 9, Covered: day, MostPPB: 120},
			{Length: 5 * time.Minute, Count: 9, Covered: day, LeastPPB: 10, MostPPB: 30},
			{Length: time.Hour, Count: 9, Covered: day, MostPPB: 1},
		},
		ExceededPPM: 15,
	}
}

func ids(found []doctor.Finding) (all []string) {
	for _, f := range found {
		all = append(all, f.ID)
	}
	return all
}

// words is the report, as if on one line.
func (r *Report) words() string { return strings.Join(strings.Fields(r.Text(r.Findings(""))), " ") }

func TestWhichDriftIsRecommended(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		ppm    float64 // 0 for none
		says   string
	}{
		"a day":                            {func(*Report) {}, 90, "windows of 1m do not exclude 40.0 ppm; 50 are added"},
		"slow":                             {func(r *Report) { r.Windows[0].LowPPM = -71 }, 130, "71.0 ppm"},
		"a longer window shows more":       {func(r *Report) { r.Windows[1].HighPPM = 60 }, 110, "windows of 1h do not exclude 60.0 ppm"},
		"what is proved":                   {func(r *Report) { r.ExceededPPM = 65 }, 120, "65.0 ppm"},
		"the minutes are known roughly":    {func(r *Report) { r.Windows[0].KnownToPPM = 6.1 }, 70, "windows of 1h"},
		"the minutes cover little":         {func(r *Report) { r.Windows[0].Covered = 59 * time.Minute }, 70, "windows of 1h"},
		"only four hours are known":        {func(r *Report) { r.Windows = r.Windows[2:] }, 0, "too wide"},
		"too short":                        {func(r *Report) { r.Counted = 59 * time.Minute }, 0, "too short"},
		"short, and over what is declared": {func(r *Report) { r.Counted = time.Minute; r.Windows = nil; r.ExceededPPM = 210 }, 260, "210 ppm at least"},
		"a contradiction":                  {func(r *Report) { r.Contradictions = 1 }, 0, "off by more than 300 ppm"},
		"a contradiction, and far off":     {func(r *Report) { r.Contradictions, r.ExceededPPM = 1, 280 }, 0, "off by more than 300 ppm"},
		"a refusal that shows no rate":     {func(r *Report) { r.Refused = "so many" }, 0, "nothing that was measured since shows"},
		"a refusal that nothing explains":  {func(r *Report) { r.Refused, r.RefusedPPM = "so many", 590 }, 0, "nothing that was measured since shows"},
		"a refusal that is explained":      {func(r *Report) { r.Refused, r.RefusedPPM, r.ExceededPPM = "so many", 590, 601 }, 660, "601 ppm"},
		"a virtual machine":                {func(r *Report) { r.Virtual = true }, 0, "by 250 ppm"},
		"a virtual machine with a VMClock": {func(r *Report) { r.Virtual, r.VMClock = true, true }, 0, "by 250 ppm"},
		"a bad virtual machine":            {func(r *Report) { r.Virtual, r.ExceededPPM = true, 190 }, 240, "190 ppm"},
		"a careful virtual machine":        {func(r *Report) { r.Virtual, r.ExceededPPM, r.DeclaredDriftPPM = true, 190, 500 }, 0, "by 250 ppm"},
		"the default":                      {func(r *Report) { r.ExceededPPM, r.DeclaredDriftPPM = 150, 500 }, 200, "150 ppm"},
	} {
		r := evidence()
		c.change(&r)
		r.Recommended = recommend(&r)
		require.Contains(t, r.Recommended.DriftWhy, c.says, name)
		if c.ppm == 0 {
			require.Nil(t, r.Recommended.DriftPPM, name)
			continue
		}
		require.NotNil(t, r.Recommended.DriftPPM, "%s: %s", name, r.Recommended.DriftWhy)
		require.Equal(t, c.ppm, *r.Recommended.DriftPPM, name)
	}
}

func TestWhichWanderIsRecommended(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		ppb    float64 // 0 for none
		says   string
	}{
		"a day":                            {func(*Report) {}, 150, "it is 5 times the one at least"},
		"calm":                             {func(r *Report) { r.Wander[2].MostPPB, r.Wander[0].MostPPB = 12, 19 }, 100, "and 100. What"},
		"the shortest exclude less":        {func(r *Report) { r.Wander[0].MostPPB = 1250 }, 5000, "4 times the other"},
		"the shortest exclude nothing":     {func(r *Report) { r.Wander[0].MostPPB = 1251 }, 0, "those of 30s 1251"},
		"what is proved":                   {func(r *Report) { r.Wander[0].LeastPPB = 60 }, 300, "60.0 ppb/s"},
		"there are no half minutes":        {func(r *Report) { r.Wander = r.Wander[1:] }, 0, "too little"},
		"the half minutes cover little":    {func(r *Report) { r.Wander[0].Covered = time.Minute }, 0, "too little"},
		"the five minutes cover little":    {func(r *Report) { r.Wander[2].Covered = time.Minute }, 0, "too wide"},
		"too fast":                         {func(r *Report) { r.Wander[2].LeastPPB, r.Wander[2].MostPPB = 1001, 1002 }, 0, "do not exclude 1002 ppb/s"},
		"too short":                        {func(r *Report) { r.Counted = time.Minute }, 0, "too short"},
		"a contradiction":                  {func(r *Report) { r.Contradictions = 1 }, 0, "off by more than 300 ppm"},
		"a refusal that is explained":      {func(r *Report) { r.Refused, r.RefusedPPM, r.ExceededPPM = "so many", 590, 601 }, 0, "refused"},
		"a virtual machine":                {func(r *Report) { r.Virtual = true }, 0, "without a VMClock"},
		"a virtual machine with a VMClock": {func(r *Report) { r.Virtual, r.VMClock = true, true }, 150, ""},
	} {
		r := evidence()
		c.change(&r)
		r.Recommended = recommend(&r)
		require.Contains(t, r.Recommended.WanderWhy, c.says, name)
		if c.ppb == 0 {
			require.Nil(t, r.Recommended.WanderPPB, name)
			continue
		}
		require.NotNil(t, r.Recommended.WanderPPB, "%s: %s", name, r.Recommended.WanderWhy)
		require.Equal(t, c.ppb, *r.Recommended.WanderPPB, name)
	}
}

// Where nothing is recommended, what is declared is not called the default.
func TestWithoutAdviceWhatIsDeclaredIsKeptIfItIsMore(t *testing.T) {
	for _, c := range []struct {
		declared, exceeded float64
		contradictions     uint64
		refused            string
		says               string
	}{
		{200, 0, 0, "", "no change: keep the default of 200 ppm"},
		{500, 0, 0, "", "no change: keep the 500 ppm that are declared"},
		{50, 0, 0, "", "the default of 200 ppm: nothing here supports the 50 declared"},
		{50, 0, 1, "", "no less than the default of 200 ppm"},
		{500, 0, 1, "", "no less than the 500 ppm that are declared"},
		{50, 280, 1, "", "more than the default of 200 ppm"},
		{500, 510, 1, "", "more than the 500 ppm that are declared"},
		{50, 0, 0, "so many", "more than the default of 200 ppm"},
	} {
		r := evidence()
		r.Windows = nil
		r.Contradictions, r.DeclaredDriftPPM, r.ExceededPPM, r.Refused = c.contradictions, c.declared, c.exceeded, c.refused
		r.Recommended = recommend(&r)
		require.Contains(t, r.words(), "drift "+c.says, "%+v", c)
	}
}

func TestWhatAClockRefusedIsFoundWhateverCameAfter(t *testing.T) {
	r := evidence()
	require.Empty(t, r.Findings(""))
	r.Refused, r.RefusedPPM = "off by 590 to 610", 590
	require.Equal(t, []string{"rate-drift-exceeded"}, ids(r.Findings("")))
	require.Contains(t, r.Findings("")[0].Text, "off by 590 to 610")
	r.ExceededPPM = 250
	require.Equal(t, []string{"rate-drift-exceeded", "rate-drift-exceeded"}, ids(r.Findings("")))
	r.ExceededPPM = 600
	require.Equal(t, []string{"rate-drift-exceeded"}, ids(r.Findings("")), "that says it all")
	require.Contains(t, r.Findings("")[0].Text, "at least 600 ppm")
	r = Report{Machine: r.Machine}
	require.Equal(t, []string{"rate-drift-exceeded", "rate-no-answer"}, ids(r.Findings("")), "nobody has answered since")
	require.Contains(t, r.words(), "off by 590 to 610")
}

// A bound that is rounded inward is no bound.
func TestWhatIsProvedIsRoundedOutward(t *testing.T) {
	r := evidence()
	r.Windows[0] = Windows{Length: time.Minute, Count: 9, Covered: r.Counted, LowPPM: -30.001, HighPPM: 40.001, KnownToPPM: 5.001}
	r.Wander[0].LeastPPB, r.Wander[0].MostPPB = 9.999, 120.1
	r.ExceededPPM, r.DeclaredDriftPPM = 99.99, 99
	r.Recommended = recommend(&r)
	words := r.words()
	for _, says := range []string{"-30.01 to +40.01 ±5.01", "30s 9 9.99 121", "off by at least 99.9 ppm", "off by 99.9 ppm at least", "do not exclude 100.0 ppm"} {
		require.Contains(t, words, says)
	}
	for x, texts := range map[float64][2]string{0: {"0.00", "0.00"}, 9.999: {"9.99", "10.00"}, 99.99: {"99.9", "100.0"}, 100.5: {"100", "101"}, 0.001: {"0.00", "0.01"}} {
		require.Equal(t, texts, [2]string{decimalDown(x), decimalUp(x)}, x)
	}
}
