package leap

// Status says what is believed about leap seconds at some moment.
type Status uint8

// The states of belief.
const (
	NoAnswer         Status = iota // there is no answer that a belief could be about
	None                           // no leap second is near
	PendingInsert                  // one is inserted at the end of this month
	PendingRemove                  // one is removed at the end of this month
	SmearingNow                    // one is being smeared
	Unknown                        // whether there is one is not known, and the answer allows for each possibility
	SmearedBySources               // the sources smear as the answer does, so that it makes no difference
)

// Report is a status with its circumstances.
type Report struct {
	Status  Status
	At      UTC  // the leap second that the status is about; 0 for none
	Expired bool // the table is not valid any more: whether there is a leap second is up to the sources
	Expiry  UTC  // of the table
	Source  string
}

// Report says what is believed at a moment between lo and hi.
func (b *Belief) Report(lo, hi TAI) Report {
	u, _ := b.slow.utc(lo)
	r := Report{Status: None, Expiry: b.table.expiry, Source: b.table.source, Expired: u > b.table.expiry}
	q := &b.question
	if begin, end := q.smear(&b.known); !q.possible.decided() && hi > begin && (lo < end || !q.past) {
		r.Status, r.At = Unknown, q.at
		return r
	}
	for _, l := range b.slow.leaps {
		if smear := l.ramp(); int64(hi) > smear.tai && int64(lo) < smear.tai+smear.si {
			r.Status, r.At = SmearingNow, l.at
			return r
		}
	}
	midnight := nextMonth(u)
	delta := b.known.offset(midnight) - b.known.offset(midnight-1)
	if q.at == midnight {
		delta = int64(b.announced())
	}
	switch {
	case delta > 0:
		r.Status, r.At = PendingInsert, midnight
	case delta < 0:
		r.Status, r.At = PendingRemove, midnight
	}
	return r
}
