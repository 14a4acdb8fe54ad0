package bench

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	ptpSettle = time.Second
	ptpIdle   = 2 * time.Second // while the processor time of polling alone is measured
	ptpTime   = 3 * time.Second
)

// BenchmarkPTP is what PTP in software makes of 16 to 128 messages a second: how wide a clock with one source is, why, and
// that it contains the truth, which is the host's clock. The server is in a network namespace, behind a veth pair. Of
// two steps it is ptp4l, which does not do one step in software. The clock assumes 200 ppm. It polls Unicast four times
// as often as messages come, so that it misses none: a poll waits for the next one. PTP4L does not wait, and is polled as often as they come.
//
// It takes 100 s, needs root, and therefore runs on demand only:
//
//	EPSILON_SOURCES=1 go test -run '^$' -bench 'PTP$' -benchtime 1x ./bench
func BenchmarkPTP(b *testing.B) {
	if os.Getenv("EPSILON_SOURCES") != "1" {
		b.Skip("takes 100 s and root; EPSILON_SOURCES=1 runs it")
	}
	for rate := 4; rate <= 7; rate++ {
		b.Run(fmt.Sprint(1<<rate), func(b *testing.B) {
			p := testbed.StartPTP(b, 0, rate, testbed.GoodPTPTime())
			every := time.Second >> rate
			measurePTP(b, "two-step", every/4, askPTP(b, p.LocalAddress(), p.Address(), rate))
			measurePTP(b, "ptp4l", every, ptpsrc.PTP4L(p.Socket(), servesUTC))
			one := testbed.StartOneStepPTP(b, rate)
			measurePTP(b, "one-step", every/4, askPTP(b, one.LocalAddress(), one.Address(), rate))
		})
	}
}

func askPTP(b *testing.B, from, server string, rate int) truetime.Source {
	port, err := ptpsrc.NewPort(ptpsrc.WithLocalAddress(netip.MustParseAddr(from)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = port.Close() })
	return port.Unicast(server, ptpsrc.WithMessageRate(rate), servesUTC)
}

func measurePTP(b *testing.B, name string, poll time.Duration, source truetime.Source) {
	r := newSourceRow(b, name, poll, source)
	defer r.clock.Close()
	time.Sleep(ptpSettle)
	processor, used := processorTime(b), r.clock.Status().Sources[0].Polls.Used
	time.Sleep(ptpIdle)
	processor, used = processorTime(b)-processor, r.clock.Status().Sources[0].Polls.Used-used

	var sum truetime.Budget
	looks := time.Duration(0)
	for end := time.Now().Add(ptpTime); time.Now().Before(end); time.Sleep(ptpPause) {
		r.read(b)
		if len(r.epsilon)%10 == 0 {
			part := r.clock.Status().Budget
			sum.Delay, sum.Claim, sum.Drift, sum.Disagreement = sum.Delay+part.Delay, sum.Claim+part.Claim, sum.Drift+part.Drift, sum.Disagreement+part.Disagreement
			looks++
		}
	}
	r.report(b)
	b.Logf("         on average half the delay %v, claim %v, drift %v, disagreement %v; %.0f samples a second, %.2f %% of a core for them",
		sum.Delay/looks, sum.Claim/looks, sum.Drift/looks, sum.Disagreement/looks,
		float64(used)/ptpIdle.Seconds(), 100*float64(processor)/float64(ptpIdle))
}
