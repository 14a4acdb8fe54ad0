package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

const peakSeed = 20261130

// sawtooth is the uncertainty of a clock that polls once a second, over some minutes: from one poll to the next
// it grows from low to high. In some seconds there is no answer.
type sawtooth struct{ teeth []tooth }

type tooth struct{ low, high float64 } // +Inf both without an answer

const secondsOfMinute = 60

// newSawtooth draws teeth of different heights. Each of the minutes in outages has two seconds without an
// answer in its middle, which is over when the minute ends.
func newSawtooth(minutes int, outages ...int) sawtooth {
	random := rand.New(rand.NewPCG(peakSeed, 0))
	s := sawtooth{make([]tooth, minutes*secondsOfMinute)}
	for i := range s.teeth {
		low := 0.001 + 0.001*random.Float64()
		s.teeth[i] = tooth{low, low + 0.002 + 0.02*math.Pow(random.Float64(), 20)} // a few are much higher
	}
	for _, minute := range outages {
		for i := range 2 {
			s.teeth[minute*secondsOfMinute+30+i] = tooth{math.Inf(1), math.Inf(1)}
		}
	}
	return s
}

// peak returns the largest uncertainty from the beginning of one minute to the end of another one.
func (s sawtooth) peak(from, to int) (highest float64) {
	for _, t := range s.teeth[max(0, from)*secondsOfMinute : (to+1)*secondsOfMinute] {
		highest = max(highest, t.high)
	}
	return highest
}

// peakExporter exports what follows a sawtooth. It stands in for the collector: pass has a minute pass, and
// write is what a scrape gets.
type peakExporter struct {
	now    float64
	peaks  []float64 // of the last two minutes
	minute int
}

func (e *peakExporter) pass(s sawtooth, minute int) {
	e.minute = minute
	e.peaks = append(e.peaks, 0)
	if len(e.peaks) > 2 {
		e.peaks = e.peaks[1:]
	}
	for _, t := range s.teeth[minute*secondsOfMinute : (minute+1)*secondsOfMinute] {
		e.now = t.low
		e.peaks[len(e.peaks)-1] = max(e.peaks[len(e.peaks)-1], t.high)
	}
}

func (e *peakExporter) write(w io.Writer) {
	fmt.Fprintf(w, "epsilon_uncertainty_seconds %v\nepsilon_uncertainty_peak_seconds %v\n", e.now, slices.Max(e.peaks))
}

// Prometheus scrapes once a minute, just after a poll. It sees the highest tooth of that minute all the same, and
// an outage of two seconds, even if the scrape after the outage is lost. A minute passes with each scrape, however
// long that takes here.
func TestNoPeakHidesBetweenScrapes(t *testing.T) {
	testbed.RequireBinary(t, "prometheus")
	const minutes, seen, lost = 8, 2, 5 // lost is the minute with an outage whose scrape fails
	s := newSawtooth(minutes, seen, lost)

	var mu sync.Mutex
	var exporter peakExporter
	passed := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		minute := passed
		if minute == minutes {
			return
		}
		passed++
		exporter.pass(s, minute)
		if minute == lost {
			http.Error(w, "this scrape is lost", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "test_minute %d\n", minute)
		exporter.write(w)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	p := testbed.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
  - job_name: epsilon
    static_configs: [{targets: [%q]}]
`, at.Host))
	// The last minute that was scraped is followed by scrapes that find nothing: then all is stored.
	require.Eventually(t, func() bool {
		found, err := p.Query(`up == 1 unless on (instance) test_minute`)
		require.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		return passed == minutes && len(found) == 1
	}, time.Minute, 50*time.Millisecond)

	raw := func(metric string) []testbed.PrometheusSample {
		found, err := p.Query(metric + "[1h]")
		require.NoError(t, err)
		require.Len(t, found, 1, metric)
		return found[0].Samples
	}
	scraped := map[int]bool{}
	now, peak := raw("epsilon_uncertainty_seconds"), raw("epsilon_uncertainty_peak_seconds")
	for i, sample := range raw("test_minute") {
		minute := int(sample.Value)
		scraped[minute] = true
		require.Equal(t, sample.At, peak[i].At)
		require.Equal(t, s.peak(minute-1, minute), peak[i].Value, "minute %d, seed %d: the peak of the last two", minute, peakSeed)
		require.Less(t, now[i].Value, peak[i].Value, "the scrape alone does not see it")
	}
	require.NotContains(t, scraped, lost)
	require.Contains(t, scraped, lost+1, "it is scraped again")
	require.Contains(t, scraped, seen)
	require.True(t, math.IsInf(s.peak(lost, lost+1), 1) && !math.IsInf(s.peak(lost+1, lost+1), 1), "the outage that the lost scrape would have shown")
}
