package ntpsrc_test

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// Four servers of different operators: the clock stays right while one of them is wrong, and narrow
// while another is down.
func Example() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.NTS("time.example.net"),
		ntpsrc.Server("ntp1.example.org"),
		ntpsrc.Server("192.0.2.7:1123", ntpsrc.WithExtraError(50*time.Microsecond)),
		ntpsrc.Server("2001:db8::7"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}

// The servers of a pool have one operator in common, so here they have one vote in common, too.
func ExamplePool() {
	pool := truetime.Group("pool", ntpsrc.Pool("2.pool.ntp.example", 3)...)
	clock, err := truetime.New(append(pool, ntpsrc.Server("ntp1.example.org"), ntpsrc.Server("ntp2.example.net")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}

// In a data centre, where a round trip takes less than the header of NTP can state, servers that can are
// asked for finer bounds. Whoever cannot is asked as ever.
func ExampleWithFineBounds() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.Server("10.0.0.1", ntpsrc.WithFineBounds()),                                             // a chronyd
		ntpsrc.Server("10.0.0.2", ntpsrc.WithFineBounds(), ntpsrc.WithScale(truetime.ScaleUTCSmeared)), // an Epsilon with [ntp]
		ntpsrc.NTS("time.example.net", ntpsrc.WithFineBounds()),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}
