package ptpsrc_test

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// Two grandmasters are asked by unicast, and the ptp4l of this host follows a third one.
func Example() {
	port, err := ptpsrc.NewPort() // UDP 319 and 320: root, or CAP_NET_BIND_SERVICE
	if err != nil {
		fmt.Println(err)
		return
	}
	defer port.Close()
	clock, err := truetime.New([]truetime.Source{
		port.Unicast("192.0.2.7"),
		port.Unicast("gm2.example.net", ptpsrc.WithAccuracy(time.Microsecond)),
		ptpsrc.PTP4L(ptpsrc.PTP4LSocket),
	}, truetime.WithPoll(30*time.Millisecond, time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}

// The clock of a network card that counts TAI. The one of eth0 is steered by ptp4l, which tells how
// far it is off; the other is steered by something else, and the user knows how well.
func ExamplePHC() {
	clock, err := truetime.New([]truetime.Source{
		ptpsrc.PHCWithPTP4L("eth0", ptpsrc.PTP4LSocket),
		ptpsrc.PHC("/dev/ptp1", ptpsrc.WithTAI(), ptpsrc.WithAccuracy(2*time.Microsecond)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
}
