// Package judge decides from what clients saw whether a ledger kept its promises. It shares no code
// with the ledger, and knows nothing of its clocks, shards and leaders.
package judge

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind says what a client did.
type Kind string

// The kinds of events.
const (
	Write    Kind = "write"    // changed balances; it was acknowledged
	Read     Kind = "read"     // asked for the balances of now
	Snapshot Kind = "snapshot" // asked for the balances of an earlier timestamp
)

// Event is one operation of a client, with what the client knows: when it asked and was answered,
// by a clock that all clients share, and what the answer was. Balances are, of a write, those right
// after it.
type Event struct {
	Kind       Kind
	ID         string
	Begin, End time.Duration
	Timestamp  int64
	Deltas     map[string]int64 `json:",omitempty"`
	Balances   map[string]int64
}

// Recorder collects events from many clients.
type Recorder struct {
	start  time.Time
	mu     sync.Mutex
	events []Event
}

// NewRecorder starts the clock of a history.
func NewRecorder() *Recorder { return &Recorder{start: time.Now()} }

// Now is a moment of the history.
func (r *Recorder) Now() time.Duration { return time.Since(r.start) }

// Add records an event that ends now.
func (r *Recorder) Add(e Event) {
	e.End = r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Events returns the history so far.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Violation is a broken promise.
type Violation struct {
	Promise string
	Text    string
	Events  []Event // the guilty ones; of an order, the earlier first
}

func (v Violation) String() string { return v.Promise + ": " + v.Text }

// Verdict is what the judge found.
type Verdict struct {
	Writes, Reads, Snapshots int
	Violations               []Violation
}

// Count returns how many violations there are of a promise.
func (v Verdict) Count(promise string) (n int) {
	for _, violation := range v.Violations {
		if violation.Promise == promise {
			n++
		}
	}
	return n
}

// Judge examines a whole history: every write that was ever acknowledged must be in it.
func Judge(events []Event) Verdict {
	v := Verdict{}
	for _, e := range events {
		switch e.Kind {
		case Write:
			v.Writes++
		case Read:
			v.Reads++
		case Snapshot:
			v.Snapshots++
		}
	}
	v.Violations = slices.Concat(Order(events), Money(events), Replay(events), Accounts(events))
	return v
}

func sum(balances map[string]int64) (total int64) {
	for balance := range maps.Values(balances) {
		total += balance
	}
	return total
}

func violation(promise string, events []Event, text string, args ...any) Violation {
	return Violation{promise, fmt.Sprintf(text, args...), events}
}
