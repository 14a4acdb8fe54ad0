package vmsrc_test

import (
	"fmt"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/vmsrc"
)

// The hypervisor is one voter of three.
func Example() {
	clock, err := truetime.New([]truetime.Source{
		vmsrc.VMClock(vmsrc.DefaultPath),
		ntpsrc.Server("ntp1.example.net"),
		ntpsrc.Server("ntp2.example.org"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}
