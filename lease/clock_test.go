package lease_test

import (
	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// A clock that is good for one package is good for all.
var (
	_ lease.IntervalClock      = (*truetime.Clock)(nil)
	_ commitwait.IntervalClock = lease.IntervalClock(nil)
	_ hlc.IntervalClock        = commitwait.IntervalClock(nil)
	_ lease.IntervalClock      = hlc.IntervalClock(nil)
)
