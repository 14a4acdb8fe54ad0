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
