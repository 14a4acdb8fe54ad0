package bench

import (
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	ptpPause = 300 * time.Microsecond
	ptpRate  = 3                     // 2³ messages of each kind a second
	ptpPoll  = 20 * time.Millisecond // often enough to use each Sync
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
// It takes 90 s, needs root, and therefore runs on demand only:
//
//	EPSILON_SOURCES=1 go test -run '^$' -bench Sources -benchtime 1x ./bench
func BenchmarkSources(b *testing.B) {
	if os.Getenv("EPSILON_SOURCES") != "1" {
		b.Skip("takes 90 s and root; EPSILON_SOURCES=1 runs it")
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

// sourceRow is a line of the table.
type sourceRow struct {
	name    string
	clock   *truetime.Clock
	wrong   int
	epsilon []time.Duration
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
	b.Logf("%-8s ε p50 %7.1f µs, p95 %7.1f µs, p99 %7.1f µs, largest %8.1f µs; wrong %6.2f %% of %d reads",
		r.name, at(0.5), at(0.95), at(0.99), at(1), 100*float64(r.wrong)/float64(len(r.epsilon)), len(r.epsilon))
	b.ReportMetric(at(0.5), r.name+"-ε-p50-µs")
	b.ReportMetric(at(1), r.name+"-ε-max-µs")
	b.ReportMetric(100*float64(r.wrong)/float64(len(r.epsilon)), r.name+"-wrong-%")
	if r.wrong > 0 {
		b.Errorf("%s was wrong %d times", r.name, r.wrong)
	}
}
