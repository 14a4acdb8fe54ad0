package ntpserver

import (
	"strings"
	"sync/atomic"
)

// Reason says what became of a datagram that got no time.
type Reason uint8

// The reasons.
const (
	TooShort       Reason = iota // fewer than 48 bytes
	NotAClient                   // a mode other than 3
	UnknownVersion               // a version other than 3 and 4
	NoReplyAddress               // sent to a multicast or broadcast address, or from port 0
	RateLimited                  // more than the limit allows; some of these get a kiss-o'-death
	NotSent                      // the system would not send the reply
	reasons
	answered = reasons // none of them
)

var reasonNames = [reasons]string{"too short", "not a client", "unknown version", "no reply address", "rate limited", "not sent"}

// String returns the reason in a few words, in lower case.
func (r Reason) String() string {
	if r >= reasons {
		return "answered"
	}
	return reasonNames[r]
}

// Label is String with underscores, for a metric.
func (r Reason) Label() string { return strings.ReplaceAll(r.String(), " ", "_") }

// Reasons lists all of them.
func Reasons() []Reason {
	all := make([]Reason, reasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// Counters is what a server has done since New. It is a copy.
type Counters struct {
	Received       uint64          // datagrams
	Answered       uint64          // with a time
	Unsynchronized uint64          // with leap indicator 3, as the clock had no answer
	Kissed         uint64          // with kiss-o'-death RATE
	KernelStamps   uint64          // of those answered, with the kernel's receive stamp put to use
	Dropped        [reasons]uint64 // without a reply, by Reason
}

// counters are those of one worker: it alone writes them.
type counters struct {
	received, answered, unsynchronized, kissed, kernelStamps atomic.Uint64
	dropped                                                  [reasons]atomic.Uint64

	_ [64]byte // others' are on other cache lines
}

func (c *counters) addTo(sum *Counters) {
	sum.Received += c.received.Load()
	sum.Answered += c.answered.Load()
	sum.Unsynchronized += c.unsynchronized.Load()
	sum.Kissed += c.kissed.Load()
	sum.KernelStamps += c.kernelStamps.Load()
	for i := range sum.Dropped {
		sum.Dropped[i] += c.dropped[i].Load()
	}
}

// add adds to a counter that nobody else writes, without a locked instruction.
func add(c *atomic.Uint64, n uint64) { c.Store(c.Load() + n) }
