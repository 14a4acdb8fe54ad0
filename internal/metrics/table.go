package metrics

// What there is to measure. Names are kept for good.
var (
	synchronized = gauge("epsilon.synchronized", "",
		"1 while the clock is synchronized: more than f voters have answered lately. 0 in holdover, and without an answer.")
	uncertainty = gauge("epsilon.uncertainty", "s",
		"Half the width of the interval that contains true time. +Inf while nothing bounds it.")
	peak = gauge("epsilon.uncertainty.peak", "s",
		"The largest uncertainty since this was last collected, and in the last two minutes at least. +Inf if there was a moment without an answer.")
	budget = gauge("epsilon.uncertainty.budget", "s",
		"What the uncertainty is to stay below. Absent if nobody has said so.")
	part = gauge("epsilon.uncertainty.part", "s",
		"What the uncertainty is made of. The parts add up to it; absent while there is no answer.", "part")
	distribution = histogram("epsilon.uncertainty.distribution", "s",
		"The largest uncertainty of each second. A second with a moment without an answer is above every bound, and not in the sum.")

	driftBound = gauge("epsilon.drift_bound", "1",
		"By how much the local counter is assumed to be fast or slow at most: 0.0002 is 200 ppm.")
	refusals = counter("epsilon.refusals", "",
		"How often the clock has begun to refuse, by the reason. That there is no answer yet at the start is none.", "reason")
	disruptions = counter("epsilon.disruptions", "",
		"Epochs that have ended, by the kind of reason: everything known was dropped, and there was no answer until the sources had answered anew.", "kind")

	voters    = gauge("epsilon.voters", "", "Voters, as configured. The sources of a group are one.")
	heard     = gauge("epsilon.voters.heard", "", "Voters that have been heard since the last disruption.")
	answering = gauge("epsilon.voters.answering", "", "Voters that have answered one of their last three polls.")
	faultyMax = gauge("epsilon.voters.faulty_max", "", "How many voters may be wrong without harm.")

	leapTableExpiry = gauge("epsilon.leap_table.expiry_timestamp", "s",
		"Up to when the leap second table knows all leap seconds, as Unix time.")
	systemClockLower = gauge("epsilon.system_clock.offset.lower", "s",
		"The system clock is ahead of true time by at least that much. Absent without an answer, and in the day around a leap second.")
	systemClockUpper = gauge("epsilon.system_clock.offset.upper", "s",
		"The system clock is ahead of true time by at most that much. Absent without an answer, and in the day around a leap second.")

	sourceVerdict = gauge("epsilon.source.verdict", "",
		"1 for the verdict that a source has.", "source", "verdict")
	sourceOffsetLower = gauge("epsilon.source.offset.lower", "s",
		"The lower end of the interval of a source, less the middle of the clock's.", "source")
	sourceOffsetUpper = gauge("epsilon.source.offset.upper", "s",
		"The upper end of the interval of a source, less the middle of the clock's.", "source")
	sourceDelay = gauge("epsilon.source.delay", "s",
		"Round-trip delay of the last sample.", "source")
	sourceRootDistance = gauge("epsilon.source.root_distance", "s",
		"What a source says that it may be wrong by, of the last sample: for NTP root delay/2 + root dispersion, and what the precision of its stamps adds.", "source")
	sourceAge = gauge("epsilon.source.age", "s",
		"Time since the last sample.", "source")
	sourceStratum = gauge("epsilon.source.stratum", "",
		"Distance from a reference clock, of the last sample. Absent where the protocol has none.", "source")
	sourcePollInterval = gauge("epsilon.source.poll_interval", "s",
		"The present time between two polls.", "source")
	sourcePolls = counter("epsilon.source.polls", "",
		"Polls of a source.", "source")
	sourceErrors = counter("epsilon.source.errors", "",
		"Polls that gave no sample that could be used, by the reason.", "source", "reason")

	segmentAge = gauge("epsilon.segment.age", "s",
		"Time since the clock was last published for the processes of this host.")
	segmentPublications = counter("epsilon.segment.publications", "",
		"How often the clock was published for the processes of this host.")
	segmentDaemon = gauge("epsilon.segment.daemon", "",
		"1 for what is known of who publishes the host's clock.", "state")

	waiting = gauge("epsilon.commit_wait.waiting", "",
		"Waits that are going on.", "waiter")
	waits = counter("epsilon.commit_wait.waits", "",
		"Waits that have ended, by how: passed, or failed with an error.", "waiter", "result")
	waited = histogram("epsilon.commit_wait", "s",
		"How long those took that had to wait.", "waiter")

	leaseState = gauge("epsilon.lease.state", "",
		"1 for the state that the lease is in.", "lease", "state")
	leaseExpiry = gauge("epsilon.lease.expiry_timestamp", "s",
		"When the lease expires unless it is renewed, as Unix time.", "lease")
	leaseToken = gauge("epsilon.lease.token", "",
		"The fencing token.", "lease")
	leaseFailures = gauge("epsilon.lease.renewal_failures", "",
		"Renewals that have failed since one succeeded.", "lease")

	buildInfo = gauge("epsilon.build_info", "",
		"1 for the version of the daemon.", "version")
	daemonReady = gauge("epsilon.daemon.ready", "",
		"1 while the uncertainty is at most what the daemon takes for ready.")
	ntpRequests = counter("epsilon.ntp.requests", "",
		"Requests to the NTP server, by what came of them.", "outcome")

	fleetMachines = gauge("epsilon.fleet.machines", "",
		"Machines of the fleet, as configured, this one included.")
	fleetFaultyMax = gauge("epsilon.fleet.faulty_max", "",
		"How many machines may be wrong while those that are convicted are so rightly.")
	fleetContradicts = gauge("epsilon.fleet.contradicts", "",
		"1 while the time of another machine and of this one cannot both be right, else 0.", "peer")
	fleetConvicted = gauge("epsilon.fleet.convicted", "",
		"1 for each machine that is certainly wrong, by what this one knows.", "machine")
	fleetTooMany = gauge("epsilon.fleet.too_many", "",
		"1 while more machines are certainly wrong than may be, by what this one knows, so that nobody can say which. Else 0.")
	fleetProbes = counter("epsilon.fleet.probes", "",
		"Probes of other machines, by what came of them.", "result")
)

// All are all of them, in the order in which they are made.
var All []*Metric

func gauge(name, unit, help string, labels ...string) *Metric {
	return add(Metric{name, unit, Gauge, labels, help})
}
func counter(name, unit, help string, labels ...string) *Metric {
	return add(Metric{name, unit, Counter, labels, help})
}
func histogram(name, unit, help string, labels ...string) *Metric {
	return add(Metric{name, unit, Histogram, labels, help})
}

func add(m Metric) *Metric {
	All = append(All, &m)
	return &m
}
