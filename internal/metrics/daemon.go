package metrics

import (
	"maps"
	"slices"
)

// CollectDaemon gives what there is to know of a daemon besides its clock.
func CollectDaemon(to Sink, version string, ready bool) {
	to.Value(buildInfo, 1, version)
	flag(to, daemonReady, ready)
}

// CollectNTP gives how many requests had which outcome.
func CollectNTP(to Sink, outcomes map[string]uint64) { counts(to, ntpRequests, outcomes) }

// Fleet is what a machine knows of the others.
type Fleet struct {
	Machines, FaultyMax int
	Contradicts         map[string]bool // for each of the others, whether it cannot be right if this one is
	Convicted           []string
	TooMany             bool              // more are wrong than may be, so nobody is convicted
	Probes              map[string]uint64 // by what came of them
}

// CollectFleet gives what a machine knows of the others.
func CollectFleet(to Sink, f Fleet) {
	to.Value(fleetMachines, float64(f.Machines))
	to.Value(fleetFaultyMax, float64(f.FaultyMax))
	for _, peer := range slices.Sorted(maps.Keys(f.Contradicts)) {
		flag(to, fleetContradicts, f.Contradicts[peer], peer)
	}
	for _, machine := range f.Convicted {
		to.Value(fleetConvicted, 1, machine)
	}
	flag(to, fleetTooMany, f.TooMany)
	counts(to, fleetProbes, f.Probes)
}

func counts(to Sink, m *Metric, by map[string]uint64) {
	for _, key := range slices.Sorted(maps.Keys(by)) {
		to.Value(m, float64(by[key]), key)
	}
}
