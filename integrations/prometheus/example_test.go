package epsilonprom_test

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func ExampleNewCollector() {
	clock, err := truetime.New([]truetime.Source{
		ntpsrc.Server("ntp1.example.net"), ntpsrc.Server("ntp2.example.net"), ntpsrc.Server("ntp3.example.net"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(epsilonprom.NewCollector(clock, epsilonprom.WithBudget(5*time.Millisecond)))

	families, err := registry.Gather() // as a handler of promhttp does
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() == "epsilon_uncertainty_seconds" {
			fmt.Println(f.GetHelp(), f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	// Output: Half the width of the interval that contains true time. +Inf while nothing bounds it. +Inf
}
