package bench

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	ptpSettle = 20 * time.Second // fills fbclock's ring of 100 samples
	ptpPause  = 300 * time.Microsecond
	ptpRate   = 3                     // 2³ messages of each kind a second
	ptpPoll   = 20 * time.Millisecond // often enough to use each Sync
)

const (
	sourceSettle = 6 * time.Second
	sourceTime   = 12 * time.Second
)

// servesUTC is true of ptp4l here: it stamps by the host's clock.
var servesUTC = ptpsrc.WithUTCOffset(0)

// BenchmarkSources is how wide a clock is that has one source of the given kind, and that it contains the
// truth, which is the host's clock: the servers are daemons on this host that serve it. NTP servers and daemons are asked once a
// second, over loopback; PTP sources use each of eight Syncs a second over veth. The clocks assume 200 ppm. What has
// no hardware here, or needs a daemon that steers the system clock, is missing.
//
// It takes 120 s, needs root, and therefore runs on demand only:
//
//	EPSILON_SOURCES=1 go test -run '^$' -bench Sources -benchtime 1x ./bench
func BenchmarkSources(b *testing.B) {
	if os.Getenv("EPSILON_SOURCES") != "1" {
		b.Skip("takes 120 s and root; EPSILON_SOURCES=1 runs it")
	}
	for _, c := range []struct {
		name  string
		poll  time.Duration
		start func(*testing.B) truetime.Source
	}{
		{"Server", time.Second, func(b *testing.B) truetime.Source {
			return ntpsrc.Server(testbed.StartChronyd(b).Address(), ntpsrc.WithLocalReference())
		}},
		{"NTS", time.Second, func(b *testing.B) truetime.Source {
			authority := testbed.NewAuthority(b)
			server := testbed.StartNTSChronyd(b, authority.Issue("127.0.0.1", time.Now().Add(time.Hour)))
			return ntpsrc.NTS(server.KeyExchange(), ntpsrc.WithTLSConfig(authority.ClientConfig()), ntpsrc.WithLocalReference())
		}},
		{"Chrony", time.Second, func(b *testing.B) truetime.Source {
			return ntpsrc.Chrony(testbed.StartFollower(b, testbed.StartChronyd(b).Address(), 0).CommandSocket())
		}},
		{"Unicast", ptpPoll, func(b *testing.B) truetime.Source {
			p := testbed.StartPTP(b, 0, ptpRate, testbed.GoodPTPTime())
			port, err := ptpsrc.NewPort(ptpsrc.WithLocalAddress(netip.MustParseAddr(p.LocalAddress())))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = port.Close() })
			return port.Unicast(p.Address(), ptpsrc.WithMessageRate(ptpRate), servesUTC)
		}},
		{"PTP4L", ptpPoll, func(b *testing.B) truetime.Source {
			return ptpsrc.PTP4L(testbed.StartPTP(b, 0, ptpRate, testbed.GoodPTPTime()).Socket(), servesUTC)
		}},
		{"FBClock", time.Second >> ptpRate, func(b *testing.B) truetime.Source {
			// Its process may be interrupted between the two readings, which fbclock does not reckon with.
			return ptpsrc.FBClock(testbed.StartFBClock(b).Path(), ptpsrc.WithInflation(10))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newSourceRow(b, c.name, c.poll, c.start(b))
			time.Sleep(sourceSettle)
			for end := time.Now().Add(sourceTime); time.Now().Before(end); time.Sleep(ptpPause) {
				r.read(b)
			}
			r.report(b)
		})
	}
}

// BenchmarkBesideFBClock is how wide clocks are that follow one ptp4l grandmaster, and how often they miss the truth,
// beside the window that fbclock makes of the same measurements. The grandmaster serves the host's own clock over
// a veth pair, with software stamps and eight Syncs a second, so the truth is known at each read.
//
// fbclock is for a clock that is steered by what ptp4l measures. Nothing may be steered here, so that the clock is
// the host's own and a correction, which a servo of linuxptp's proportional gain applies to what ptp4l has
// measured. The window is fbclock's with its default formulas. Wherever the way to the grandmaster takes longer than the way
// back, by the stamps, the servo puts the clock off by half of the difference and the window does not show it.
//
//	idle       nothing else happens
//	load       all processors are busy
//	one way    each message of the grandmaster takes 100 µs longer than one to it, and what a process takes to wake
//	           up; the unicast client has a way of its own and does not see that
//
// Idle takes 80 s, and each of the others 40 s. It needs root, and therefore runs on demand only:
//
//	EPSILON_BESIDE_FBCLOCK=1 go test -run '^$' -bench BesideFBClock -benchtime 1x ./bench
func BenchmarkBesideFBClock(b *testing.B) {
	if os.Getenv("EPSILON_BESIDE_FBCLOCK") != "1" {
		b.Skip("takes 160 s and root; EPSILON_BESIDE_FBCLOCK=1 runs it")
	}
	for _, c := range []struct {
		name   string
		span   time.Duration
		oneWay time.Duration
		load   bool
	}{
		{"idle", 60 * time.Second, 0, false},
		{"load", 20 * time.Second, 0, true},
		{"one way", 20 * time.Second, 100 * time.Microsecond, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := testbed.StartPTPOver(b, 0, ptpRate, testbed.GoodPTPTime(), c.oneWay)
			if c.load {
				defer burn()()
			}
			besideFBClock(b, p, c.span)
		})
	}
}

// burn keeps all processors busy until the function that it returns is called.
func burn() (stop func()) {
	var all sync.WaitGroup
	end := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
			}
		})
	}
	return func() { close(end); all.Wait() }
}

func besideFBClock(b *testing.B, p *testbed.PTP, span time.Duration) {
	port, err := ptpsrc.NewPort(ptpsrc.WithLocalAddress(netip.MustParseAddr(p.LocalAddress())))
	if err != nil {
		b.Fatal(err)
	}
	defer port.Close()
	rows := []*sourceRow{
		newSourceRow(b, "Unicast", ptpPoll, port.Unicast(p.Address(), ptpsrc.WithMessageRate(ptpRate), servesUTC)),
		newSourceRow(b, "PTP4L", ptpPoll, ptpsrc.PTP4L(p.Socket(), servesUTC)),
	}
	steered := newSteered(b, p.Socket())
	start := time.Now()
	for end := start.Add(ptpSettle + span); time.Now().Before(end); time.Sleep(ptpPause) {
		steered.poll(b)
		if time.Since(start) < ptpSettle {
			continue
		}
		for _, r := range rows {
			r.read(b)
		}
		steered.read()
	}
	for _, r := range append(rows, &steered.sourceRow) {
		r.report(b)
	}
}

// sourceRow is a line of the table.
type sourceRow struct {
	name    string
	clock   *truetime.Clock
	wrong   int
	epsilon []time.Duration
	errors  []time.Duration // of fbclock's clock, which has to be within ε
}

func newSourceRow(b *testing.B, name string, poll time.Duration, source truetime.Source) *sourceRow {
	clock, err := truetime.New([]truetime.Source{source}, truetime.WithPoll(poll, poll))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = clock.Close() })
	return &sourceRow{name: name, clock: clock}
}

func (r *sourceRow) read(b *testing.B) {
	before := truetime.Time(testbed.Realtime())
	i, err := r.clock.Now()
	after := truetime.Time(testbed.Realtime())
	if err != nil {
		b.Fatalf("%s: %v: %+v", r.name, err, r.clock.Status())
	}
	if i.Earliest > after || i.Latest < before {
		r.wrong++
	}
	r.epsilon = append(r.epsilon, i.Uncertainty())
}

func (r *sourceRow) report(b *testing.B) {
	slices.Sort(r.epsilon)
	at := func(share float64) float64 {
		return float64(r.epsilon[int(share*float64(len(r.epsilon)-1))]) / 1000
	}
	b.Logf("%-8s ε p50 %7.1f µs, p99 %7.1f µs, largest %8.1f µs; wrong %6.2f %% of %d reads",
		r.name, at(0.5), at(0.99), at(1), 100*float64(r.wrong)/float64(len(r.epsilon)), len(r.epsilon))
	if r.errors != nil {
		slices.Sort(r.errors)
		b.Logf("%-8s by how much it is wrong: p50 %.1f µs, largest %.1f µs", "", float64(r.errors[len(r.errors)/2])/1000, float64(r.errors[len(r.errors)-1])/1000)
	}
	b.ReportMetric(at(0.5), r.name+"-ε-p50-µs")
	b.ReportMetric(at(1), r.name+"-ε-max-µs")
	b.ReportMetric(100*float64(r.wrong)/float64(len(r.epsilon)), r.name+"-wrong-%")
	if r.clock != nil && r.wrong > 0 {
		b.Errorf("%s was wrong %d times", r.name, r.wrong)
	}
}

// steered is a clock that a servo steers by what ptp4l measures, with fbclock's window.
type steered struct {
	sourceRow
	client  protocol.MgmtClient
	next    time.Time
	ingress int64
	ahead   float64 // of the host's clock, by the servo, ns

	offsets, accuracies, frequencies, windows []float64 // the newest last, no more than fbclock keeps
	window, drift                             float64   // ns, and ppb
}

func newSteered(b *testing.B, socket string) *steered {
	own := filepath.Join(filepath.Dir(socket), fmt.Sprintf("bench.%d", os.Getpid()))
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(); _ = os.Remove(own) })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		b.Fatal(err)
	}
	return &steered{sourceRow: sourceRow{name: "fbclock"}, client: protocol.MgmtClient{Connection: conn}}
}

const (
	fbclockRing   = 100
	fbclockSigmas = 4

	// linuxptp pi.c with software stamps: 0.1 of an offset in a second, times the interval to the power −0.3.
	servoGain = 0.1 * 1.87 / (1 << ptpRate)
)

// poll asks ptp4l often enough to miss no Sync.
func (s *steered) poll(b *testing.B) {
	if time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(20 * time.Millisecond)
	status, err := s.client.TimeStatusNP()
	if err != nil {
		b.Fatal(err)
	}
	if status.IngressTimeNS == s.ingress {
		return
	}
	s.ingress = status.IngressTimeNS
	measured := float64(status.MasterOffsetNS)
	if len(s.offsets) == 0 {
		s.ahead = -measured // a servo begins with a step
	}
	offset := measured + s.ahead
	correction := -servoGain * offset
	s.ahead += correction
	keep := func(to *[]float64, v float64) {
		*to = append(*to, v)
		if len(*to) > fbclockRing {
			*to = (*to)[1:]
		}
	}
	keep(&s.offsets, offset)
	keep(&s.accuracies, 100) // what testbed.GoodPTPTime announces
	keep(&s.frequencies, correction*(1<<ptpRate))
	keep(&s.windows, mean(s.accuracies)+math.Abs(mean(s.offsets))+deviation(s.offsets))
	s.window = mean(s.windows) + fbclockSigmas*deviation(s.windows)
	var changes []float64
	for i := 1; i < len(s.frequencies); i++ {
		changes = append(changes, math.Abs(s.frequencies[i]-s.frequencies[i-1]))
	}
	if len(changes) > 0 {
		s.drift = 1.5 * mean(changes)
	}
}

func (s *steered) read() {
	age := float64(testbed.Realtime()-s.ingress) / 1e9
	window := s.window + s.drift*age
	if math.Abs(s.ahead) > window {
		s.wrong++
	}
	s.epsilon = append(s.epsilon, time.Duration(window))
	s.errors = append(s.errors, time.Duration(math.Abs(s.ahead)))
}

func mean(all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// deviation is the standard deviation of a sample.
func deviation(all []float64) float64 {
	if len(all) < 2 {
		return 0
	}
	m, sum := mean(all), 0.0
	for _, v := range all {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(all)-1))
}
