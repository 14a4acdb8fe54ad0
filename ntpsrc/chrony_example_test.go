package ntpsrc_test

import (
	"fmt"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The chronyd of this host is one vote of three. The others are servers that it does not follow.
func ExampleChrony() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.Chrony(ntpsrc.ChronySocket),
		ntpsrc.Server("ntp1.example.net"),
		ntpsrc.Server("192.0.2.7"),
	}, truetime.WithDrift(50)) // which narrows what chronyd's time may have drifted, too
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}
