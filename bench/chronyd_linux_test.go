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

	"github.com/epsilontime/epsilon/internal/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
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
// wander of 0.1 ppm/s, ask them once a second through the same relays.
//
// Everybody assumes 200 ppm, but not of the same: ours ages every fact by that, while chronyd adds it
// for the time since its last update alone. Its sample of the least delay, up to a minute old, it ages by
// its estimate of the skew (sourcestats.c, SST_GetTrackingData). That is no bound, and as narrow as ours
// can be only if the wander is bounded. Nor does chronyd reckon with a faulty server, and one of four is
// what our clocks stand.
//
// All paths are tried at the same time, the name says what the relays add to a round trip; δ-µs is the
// median of what our clock saw, which is more where the machine is busy. The other figures are means, but
// wrong: how many of the intervals read did not contain the host's clock.
//
// It takes 100 s and therefore runs on demand only:
//
//	EPSILON_BESIDE=1 go test -run '^$' -bench BesideChronyd -benchtime 1x ./bench
func BenchmarkBesideChronyd(b *testing.B) {
	if os.Getenv("EPSILON_BESIDE") != "1" {
		b.Skip("takes 100 s; EPSILON_BESIDE=1 runs it")
	}
	servers := startServers(b)
	var all []*beside
	for i, path := range []testbed.Path{
		{Delay: 40 * time.Microsecond, Jitter: 20 * time.Microsecond},
		{Delay: 300 * time.Microsecond, Jitter: 200 * time.Microsecond},
		{Delay: 150 * time.Microsecond, Jitter: 500 * time.Microsecond},
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

	reads, wrong             int
	bounds, epsilons, stills time.Duration // sums
	lastOffsets, corrections time.Duration // sums of absolute values: the smaller one is in bounds
	delays                   []time.Duration
}

// startBeside starts the relays, seeded with seed and up, and the clients.
func startBeside(b *testing.B, seed uint64, path testbed.Path, servers []string) *beside {
	b.Helper()
	var addresses, directives []string
	for i, server := range servers {
		// chronyd takes two servers at one IP address for one, whatever the ports.
		listen := fmt.Sprintf("127.0.0.%d:0", i+1)
		address := testbed.StartRelayAt(b, listen, seed+uint64(i), server, path, path).Address()
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
	clock, err := truetime.New(ntpsrc.Servers(addresses...), append(options, truetime.WithPoll(time.Second, time.Second))...)
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
	return fmt.Sprintf("%v-%v", 2*s.path.Delay, 2*(s.path.Delay+s.path.Jitter))
}

// read asks all three, within a millisecond or so of each other.
func (s *beside) read(b *testing.B) {
	b.Helper()
	s.reads++
	s.readChronyd(b)
	s.epsilons += s.epsilon(b, s.plain)
	s.stills += s.epsilon(b, s.still)
	for _, source := range s.plain.Status().Sources {
		s.delays = append(s.delays, source.Delay)
	}
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
	lastOffset, correction := duration(t.LastOffset).Abs(), duration(t.CurrentCorrection).Abs()
	s.lastOffsets += lastOffset
	s.corrections += correction
	s.bounds += min(lastOffset, correction) + duration(t.RootDispersion+t.RootDelay/2)
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
	b.ReportMetric(0, "ns/op") // nothing is timed
	b.ReportMetric(float64(s.delays[len(s.delays)/2].Nanoseconds())/1e3, "δ-µs")
	b.ReportMetric(mean(s.bounds), "chronyd-µs")
	b.ReportMetric(mean(s.lastOffsets), "last-offset-µs")
	b.ReportMetric(mean(s.corrections), "correction-µs")
	b.ReportMetric(mean(s.epsilons), "ours-µs")
	b.ReportMetric(mean(s.epsilons)/mean(s.bounds), "ours/chronyd")
	b.ReportMetric(mean(s.stills), "wander-µs")
	b.ReportMetric(mean(s.stills)/mean(s.bounds), "wander/chronyd")
	b.ReportMetric(float64(s.reads), "reads")
	b.ReportMetric(float64(s.wrong), "wrong")
}
