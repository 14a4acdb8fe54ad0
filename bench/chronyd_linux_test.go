package bench

import (
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/facebook/time/ntp/chrony"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	// besideSettle lets chronyd learn the frequency, and our clock the rate.
	besideSettle = time.Minute
	besideTime   = 30 * time.Second
	// besidePause is prime to the poll of 1 s, so that the reads go through all of its phases.
	besidePause = 97 * time.Millisecond
)

// BenchmarkBesideChronyd is how wide our intervals are beside the bound that ClockBound makes of
// chronyd. Four servers are honest; chronyd and two clocks of ours, without and with a bound on the
// wander of 0.1 ppm/s, ask them once a second through the same relays. Everybody assumes 200 ppm.
//
// # What follows from the formulas
//
// Without a bound on the wander ours is the second best of four samples, because one of the four servers may
// be wrong. Of samples that take the same time and are equally old it is
//
//	δ/2 + E + ρ·a    with a = 0.525 s on average, as polls are 1 to 1.1 s apart
//
// where E is what the server claims to be wrong by: here 0, and what its fields may have been rounded by,
// 23 µs. Chronyd states
//
//	δ'/2 + dispersion + ρ·a' + |last offset|    with a' = 1 s on average
//
// Its age is half a poll, 0.5 s, and another 0.5 s because it states its time of reference earlier than it was, by
// a random part of a second (reference.c, fuzz_ref_time); more where it takes samples for outliers. And
// δ' is the least delay of the last minute, which it ages by its estimate of the skew alone
// (sourcestats.c, SST_GetTrackingData). That is no bound, and as narrow as ours can be only if the wander is
// bounded. Nor does chronyd reckon with a faulty server.
//
// So where the delay is always the same, ours is narrower by 95 µs less E and chronyd's by what delays vary. At a
// delay of 1 ms that is (500 + 23 + 105)/(500 + 200) = 0.90, and with the wander bounded, where little is added for
// the age, at least (500 + 23)/700 = 0.75. Nobody can be below δ/2: shorter paths have lower ratios and longer ones
// ratios near 1.
//
// # What is reported
//
// Names say what the relays add to a round trip. δ-µs is the median of what our clock saw and δ90-µs the 90th
// percentile: if they are far from the name, the machine had something else to do. Shorter paths are not
// tried, as a relay takes some 0.1 ms each way to be woken. The other figures are means,
// but wrong: how many of the intervals read did not contain the host's clock.
//
// All paths are tried at the same time, which does not change the delays: nobody is busy for more than a few
// hundredths of a second in each. It takes 100 s and therefore runs on demand only:
//
//	EPSILON_BESIDE=1 go test -run '^$' -bench BesideChronyd -benchtime 1x ./bench
func BenchmarkBesideChronyd(b *testing.B) {
	if os.Getenv("EPSILON_BESIDE") != "1" {
		b.Skip("takes 100 s; EPSILON_BESIDE=1 runs it")
	}
	servers := startServers(b)
	var all []*beside
	for i, path := range []testbed.Path{
		{Delay: 500 * time.Microsecond},
		{Delay: 400 * time.Microsecond, Jitter: 200 * time.Microsecond},
		{Delay: 250 * time.Microsecond, Jitter: 500 * time.Microsecond},
		{Delay: 9 * time.Millisecond, Jitter: 2 * time.Millisecond},
	} {
		all = append(all, startBeside(b, uint64(100*i), path, servers))
	}
	time.Sleep(besideSettle)
	ticker := time.NewTicker(besidePause)
	defer ticker.Stop()
	for start := time.Now(); time.Since(start) < besideTime; <-ticker.C {
		for _, s := range all {
			s.read(b)
		}
	}
	for _, s := range all {
		b.Run(s.name(), s.report)
	}
}

// beside is three clients of the same servers through the same relays, and what they said so far.
type beside struct {
	path         testbed.Path
	daemon       chrony.Client
	plain, still *truetime.Clock // still assumes a bound on the wander

	reads, wrong int
	delays       []time.Duration

	// Sums. Chronyd's bound is the sum of three, of which each is reported.
	offsets, dispersions, halfDelays time.Duration
	epsilons, stills, claims         time.Duration
}

// startBeside starts the relays, seeded with seed and up, and the clients.
func startBeside(b *testing.B, seed uint64, path testbed.Path, servers []string) *beside {
	b.Helper()
	var addresses, directives []string
	for _, relay := range testbed.StartRelays(b, seed, servers, path, path) {
		address := relay.Address()
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			b.Fatal(err)
		}
		addresses = append(addresses, address)
		directives = append(directives, fmt.Sprintf("server %s port %s minpoll 0 maxpoll 0", host, port))
	}
	// The first server is named by the address; 200 ppm is what we assume of the counter.
	follower := testbed.StartFollower(b, addresses[0], 0, append(directives[1:], "maxclockerror 200")...)
	conn, err := net.Dial("udp4", follower.CommandAddress())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		b.Fatal(err)
	}
	return &beside{
		path:   path,
		daemon: chrony.Client{Connection: conn},
		plain:  startBesideClock(b, addresses),
		still:  startBesideClock(b, addresses, truetime.WithMaxWander(100)),
	}
}

func startBesideClock(b *testing.B, addresses []string, options ...truetime.Option) *truetime.Clock {
	b.Helper()
	clock, err := truetime.New(ownClocks(addresses...), append(options, truetime.WithPoll(time.Second, time.Second))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := clock.Close(); err != nil {
			b.Error(err)
		}
	})
	return clock
}

// name says what the relays add to a round trip, at least and at most.
func (s *beside) name() string {
	least, most := 2*s.path.Delay, 2*(s.path.Delay+s.path.Jitter)
	if least == most {
		return least.String()
	}
	return fmt.Sprintf("%v-%v", least, most)
}

// read asks all three, within a millisecond or so of each other.
func (s *beside) read(b *testing.B) {
	b.Helper()
	s.reads++
	s.readChronyd(b)
	s.epsilons += s.epsilon(b, s.plain)
	s.stills += s.epsilon(b, s.still)
	sources := s.plain.Status().Sources
	for _, source := range sources {
		s.delays = append(s.delays, source.Delay)
	}
	s.claims += sources[0].Claim // all servers claim the same
}

// readChronyd adds up the bound as ClockBound 2 does (chronyd_snapshot_poller.rs): |current
// correction| + root dispersion + root delay / 2. chronyd states the dispersion for the moment of
// the request (reference.c, REF_GetTrackingReport), so nothing is to be added for its age.
//
// Under -x the system clock is never corrected, and the correction stays where a real one is soon
// slewed away. Then the last offset is nearer to what ClockBound would see, so the smaller of the two
// is taken: in doubt in chronyd's favour.
func (s *beside) readChronyd(b *testing.B) {
	b.Helper()
	reply, err := s.daemon.Communicate(chrony.NewTrackingPacket())
	if err != nil {
		b.Fatalf("tracking of chronyd at %s: %v", s.name(), err)
	}
	t, ok := reply.(*chrony.ReplyTracking)
	if !ok || t.LeapStatus > 2 {
		b.Fatalf("chronyd at %s is not synchronized: %+v", s.name(), reply)
	}
	duration := func(seconds float64) time.Duration { return time.Duration(math.Round(seconds * 1e9)) }
	s.offsets += min(duration(t.LastOffset).Abs(), duration(t.CurrentCorrection).Abs())
	s.dispersions += duration(t.RootDispersion)
	s.halfDelays += duration(t.RootDelay / 2)
}

// epsilon reads a clock of ours and compares it with the clock that the servers serve.
func (s *beside) epsilon(b *testing.B, clock *truetime.Clock) time.Duration {
	b.Helper()
	before := truetime.Time(testbed.Realtime())
	i, err := clock.Now()
	after := truetime.Time(testbed.Realtime())
	if err != nil {
		b.Fatalf("%s: %v", s.name(), err)
	}
	if i.Earliest > after || i.Latest < before {
		s.wrong++
		b.Errorf("%s: %v does not contain the host's clock, %v to %v", s.name(), i, before, after)
	}
	return i.Uncertainty()
}

// report is one row of the table.
func (s *beside) report(b *testing.B) {
	mean := func(sum time.Duration) float64 { return float64(sum.Nanoseconds()) / float64(s.reads) / 1e3 }
	slices.Sort(s.delays)
	delay := func(percent int) float64 { return float64(s.delays[len(s.delays)*percent/100].Nanoseconds()) / 1e3 }
	bound := mean(s.offsets + s.dispersions + s.halfDelays)
	b.ReportMetric(0, "ns/op") // nothing is timed
	b.ReportMetric(delay(50), "δ-µs")
	b.ReportMetric(delay(90), "δ90-µs")
	b.ReportMetric(bound, "chronyd-µs")
	b.ReportMetric(mean(s.halfDelays), "chronyd-delay/2-µs")
	b.ReportMetric(mean(s.dispersions), "chronyd-dispersion-µs")
	b.ReportMetric(mean(s.offsets), "chronyd-offset-µs")
	b.ReportMetric(mean(s.epsilons), "ours-µs")
	b.ReportMetric(mean(s.claims), "E-µs")
	b.ReportMetric(mean(s.epsilons)/bound, "ours/chronyd")
	b.ReportMetric(mean(s.stills), "wander-µs")
	b.ReportMetric(mean(s.stills)/bound, "wander/chronyd")
	b.ReportMetric(float64(s.reads), "reads")
	b.ReportMetric(float64(s.wrong), "wrong")
}
