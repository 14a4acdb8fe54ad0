package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
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

// sawtoothClock is a clock that follows a sawtooth up to the end of a minute. Its time is not the machine's.
type sawtoothClock struct {
	sawtooth
	minute int
}

func (c *sawtoothClock) Now() (truetime.Interval, error) {
	s := c.Status()
	return s.Interval, s.Err
}

func (c *sawtoothClock) Status() truetime.Status {
	now := c.teeth[(c.minute+1)*secondsOfMinute-1].low // just after a poll
	if math.IsInf(now, 1) {
		return truetime.Status{Err: truetime.ErrNotSynchronized}
	}
	noon, epsilon := truetime.FromStd(time.Date(2026, 11, 30, 12, c.minute, 0, 0, time.UTC)), duration(now)
	return truetime.Status{State: truetime.Synchronized, Interval: truetime.Interval{Earliest: noon.Add(-epsilon), Latest: noon.Add(epsilon)}, Uncertainty: epsilon}
}

func (c *sawtoothClock) Peak(window time.Duration) (peak time.Duration, bounded bool) {
	minutes := int(window / time.Minute)
	highest := c.peak(c.minute+1-minutes, c.minute)
	if math.IsInf(highest, 1) {
		return 0, false
	}
	return duration(highest), true
}

func (c *sawtoothClock) Distribution() truetime.Distribution {
	return truetime.Distribution{Counts: []uint64{0}}
}

// inSeconds is a number of seconds as it is after it was a duration.
func inSeconds(seconds float64) float64 {
	if math.IsInf(seconds, 1) {
		return seconds
	}
	return duration(seconds).Seconds()
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * 1e9) }

// Prometheus scrapes once a minute, just after a poll. It sees the highest tooth of that minute all the same, and
// an outage of two seconds, even if the scrape after the outage is lost. A minute passes when its scrape is stored,
// however long that takes here: one that is lost by a busy machine is of the same minute the next time.
func TestNoPeakHidesBetweenScrapes(t *testing.T) {
	testbed.RequireBinary(t, "prometheus")
	const minutes, seen, lost = 8, 2, 5 // lost is the minute with an outage whose scrape fails
	s := newSawtooth(minutes, seen, lost)

	var mu sync.Mutex
	clock := &sawtoothClock{sawtooth: s}
	registry := prometheus.NewRegistry()
	theMinute := prometheus.NewGauge(prometheus.GaugeOpts{Name: "test_minute"})
	registry.MustRegister(epsilonprom.NewCollector(clock), theMinute)
	collected := promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	var failed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch clock.minute {
		case minutes:
			return
		case lost:
			failed.Store(true)
			http.Error(w, "this scrape is lost", http.StatusInternalServerError)
			return
		}
		theMinute.Set(float64(clock.minute))
		collected.ServeHTTP(w, r)
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
	finds := func(query string) bool {
		found, err := p.Query(query)
		require.NoError(t, err)
		return len(found) == 1
	}
	for minute := range minutes {
		require.Eventually(t, func() bool {
			return minute == lost && failed.Load() || finds(fmt.Sprintf(`test_minute == %d`, minute))
		}, time.Minute, 50*time.Millisecond, "minute %d", minute)
		mu.Lock()
		clock.minute++
		mu.Unlock()
	}
	// The last minute is followed by scrapes that find nothing: then nothing more is stored.
	require.Eventually(t, func() bool { return finds(`up == 1 unless on (instance) test_minute`) }, time.Minute, 50*time.Millisecond)

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
		require.Equal(t, inSeconds(s.peak(minute-1, minute)), peak[i].Value, "minute %d, seed %d: the peak of the last two", minute, peakSeed)
		require.Less(t, now[i].Value, peak[i].Value, "the scrape alone does not see it")
	}
	require.NotContains(t, scraped, lost)
	require.Contains(t, scraped, lost+1, "it is scraped again")
	require.Contains(t, scraped, seen)
	require.True(t, math.IsInf(s.peak(lost, lost+1), 1) && !math.IsInf(s.peak(lost+1, lost+1), 1), "the outage that the lost scrape would have shown")
}
