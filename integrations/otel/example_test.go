package epsilonotel_test

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel"

	epsilonotel "github.com/epsilontime/epsilon/integrations/otel"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func ExampleObserve() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.Server("ntp1.example.net"), ntpsrc.Server("ntp2.example.net"), ntpsrc.Server("ntp3.example.net"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	registration, err := epsilonotel.Observe(otel.Meter("example.net/payments"), clock, epsilonotel.WithBudget(5*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()
	// From now on the SDK collects it with everything else.
}
