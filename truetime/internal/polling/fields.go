package polling

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// Fields lists the state of the schedule of source i. One that is read has just been made, with its configuration.
func (s *Schedule) Fields(l *snapshot.Lines, i int) {
	random, _ := s.random.MarshalBinary() // "pcg:" and two numbers
	high, low := binary.BigEndian.Uint64(random[4:]), binary.BigEndian.Uint64(random[12:])
	l.Line(fmt.Sprint("schedule ", i),
		"burst interval limit content halved patience denial wish failures urgent least smoothed variation timeouts random",
		&s.burst, &s.interval, &s.limit, &s.content, &s.halved, &s.patience, &s.denial, &s.wish, &s.failures, &s.urgent,
		&s.least, &s.smoothed, &s.variation, &s.timeouts, snapshot.List{&high, &low})
	s.random.Seed(high, low)

	within := func(d, least, most time.Duration) bool { return least <= d && d <= most }
	limit := max(s.config.Max, slowest)
	l.Require(within(s.interval, s.config.Min, s.config.Max) && within(s.limit, 0, limit) && within(s.denial, 0, denialMax) &&
		within(s.wish, 0, slowest) && within(s.least, 0, max(limit, denialMax)) && s.smoothed >= 0 && s.variation >= 0 &&
		s.burst >= 0 && s.burst <= s.config.Burst && s.content >= 0 && s.content <= patienceMax &&
		(s.patience == 0 || s.patience >= patience && s.patience <= patienceMax) &&
		s.failures >= 0 && s.failures <= maxFailures && s.timeouts >= 0 && s.timeouts <= maxTimeouts,
		"the schedule of source %d is beyond its limits", i)
}
