package ptpsrc

import (
	"context"
	"math"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/truetime"
)

// report is what ptp4l tells, all of it within one poll.
type report struct {
	clock   defaultDataSet
	parent  parentDataSet
	time    timeProperties
	own     grandmasterSettings
	current currentDataSet
	status  timeStatus
	port    portProperties // the one that follows a master, if any
	follows bool
}

// maxPorts bounds how many ports of a ptp4l are looked at.
const maxPorts = 64

func (s *managementSocket) report(ctx context.Context) (r report, err error) {
	if err := s.get(ctx, idDefaultDataSet, allPorts, &r.clock); err != nil {
		return r, err
	}
	for number := uint16(1); number <= min(r.clock.Ports, maxPorts) && !r.follows; number++ {
		if err := s.get(ctx, idPortPropertiesNP, number, &r.port); err != nil {
			return r, err
		}
		// A ptp4l that leaves its clock alone (free_running 1) remains in UNCALIBRATED, where it
		// has chosen a master and measures, and never comes to SLAVE, where its servo would be
		// locked.
		r.follows = r.port.State == protocol.PortStateSlave || r.port.State == protocol.PortStateUncalibrated
	}
	// The status comes first. If the rest is as it was at an earlier poll, it was so when the Sync
	// came in. That its offset is of the same master is up to the watch.
	for _, q := range []struct {
		id  uint16
		set any
	}{
		{idTimeStatusNP, &r.status},
		{idParentDataSet, &r.parent},
		{idTimeProperties, &r.time},
		{idGrandmasterNP, &r.own},
		{idCurrentDataSet, &r.current},
	} {
		if err := s.get(ctx, q.id, allPorts, q.set); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r report) situation() situation {
	return situation{
		local:     r.clock.Identity,
		parent:    r.parent.Parent,
		utcOffset: r.own.UTCOffset,
		grandmaster: grandmaster{
			identity:  r.parent.Grandmaster,
			class:     r.parent.Class,
			accuracy:  r.parent.Accuracy,
			between:   r.current.StepsRemoved - 1, // ptp4l is one step further itself
			flags:     uint16(r.time.Flags),
			utcOffset: r.time.UTCOffset,
			source:    protocol.TimeSource(r.time.Source),
		},
	}
}

// check refuses a report that says nothing of the clock that is asked about: the system clock, or
// that of the network card.
func (r report) check(hardware bool) error {
	switch {
	case !r.follows:
		return unusable("ptp4l follows no master: no port of it is in state SLAVE or UNCALIBRATED, its last one is in %v", r.port.State)
	case hardware && protocol.Timestamping(r.port.Timestamping) != protocol.TimestampingHardware:
		return unusable("ptp4l does not stamp in hardware (time_stamping hardware), so it does not measure the clock of the network card")
	case !hardware && protocol.Timestamping(r.port.Timestamping) != protocol.TimestampingSoftware:
		return unusable("ptp4l stamps in hardware, so it measures the clock of the network card and not the system clock: use PHCWithPTP4L")
	case r.status.Present == 0 || r.current.StepsRemoved == 0:
		return unusable("ptp4l has no grandmaster but itself")
	case r.status.Grandmaster != r.parent.Grandmaster:
		return unusable("ptp4l has changed its grandmaster while it was asked")
	case r.status.IngressTime == 0:
		return unusable("ptp4l has not received any Sync yet")
	case r.current.MeanPathDelay <= 0:
		return unusable("ptp4l has not measured the path delay yet, or does not tell it (delay_mechanism P2P)")
	case r.status.MasterOffset == math.MinInt64 || r.status.MasterOffset == math.MaxInt64:
		return unusable("ptp4l's offset of %d ns makes no sense", r.status.MasterOffset)
	}
	return nil
}

// ahead is how far the master's time, as ptp4l has taken it, is ahead of the scale that the source
// serves. From the time of a master that serves TAI ptp4l itself subtracts a UTC offset, as the
// system clock counts UTC (linuxptp clock.c, clock_utc_correct): its own, which it takes from an
// Announce only when it selects a master, and versions that have none of their own the announced
// one. It is known where both are the same.
//
// From what it measures the clock of a network card by, which counts as the master does, it
// subtracts nothing.
func (r report) ahead(g grandmaster, hardware bool, c config, leap *leapCorrection) (time.Duration, error) {
	ahead, err := g.ahead(c.trust)
	corrects := leap.possible(g, truetime.Time(r.status.IngressTime), max(time.Minute, c.maxError))
	switch {
	case err != nil:
		return 0, err
	case hardware || g.flags&protocol.FlagPTPTimescale == 0:
		return ahead, nil
	case r.own.UTCOffset != g.utcOffset:
		return 0, unusable("ptp4l counts with a UTC offset of %d s, and the grandmaster %v announces %d s: restart ptp4l, or set its utc_offset", r.own.UTCOffset, g.identity, g.utcOffset)
	case corrects:
		return 0, unusable("the grandmaster %v announces a leap second after midnight, or no longer: until 6:00 UTC ptp4l may count with a UTC offset that is a second off", g.identity)
	}
	return ahead - time.Duration(g.utcOffset)*time.Second, nil
}
