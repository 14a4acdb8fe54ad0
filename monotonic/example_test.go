package monotonic_test

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// Two readings bound the true time between them, if the oscillator is within 200 ppm of its nominal
// rate: the difference, stretched and shrunk by the drift.
func Example() {
	counter, err := monotonic.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := counter.Now()
	time.Sleep(time.Millisecond)
	elapsed := counter.Now().Sub(start)

	atLeast := time.Duration(float64(elapsed) * (1 - 200e-6))
	fmt.Println(atLeast > 990*time.Microsecond)
	// Output: true
}

// A Manual counter makes a test independent of the machine it runs on.
func ExampleManual() {
	var counter monotonic.Manual
	start := counter.Now()
	counter.Advance(1500 * time.Millisecond)
	fmt.Println(counter.Now().Sub(start))
	// Output: 1.5s
}
