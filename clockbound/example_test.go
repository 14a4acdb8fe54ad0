package clockbound_test

import (
	"fmt"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// On an EC2 host that runs ClockBound with the Time Sync Service, which smears leap seconds, its
// daemon is one voter of three.
func ExampleSource() {
	clock, err := truetime.New([]truetime.Source{
		clockbound.Source(clockbound.DefaultPath, clockbound.WithScale(truetime.ScaleUTCSmeared)),
		ntpsrc.Server("ntp1.example.net"),
		ntpsrc.Server("ntp2.example.org"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}

// A host whose programs use ClockBound's client gets a clock of many servers, where chronyd goes on
// to steer CLOCK_REALTIME. chronyd has the lines maxslewrate 1000 and maxdrift 500.
func ExampleNewPublisher() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.Server("ntp1.example.net"),
		ntpsrc.Server("ntp2.example.org"),
		ntpsrc.Server("ntp3.example.com"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	publisher, err := clockbound.NewPublisher(clock, clockbound.DefaultPath, clockbound.WithMaxSlew(1000))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer publisher.Close()
}
