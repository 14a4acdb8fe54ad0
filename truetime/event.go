package truetime

import "fmt"

// EventKind says what an event is about.
type EventKind uint8

// The kinds of event.
const (
	EventState       EventKind = iota // the clock's state changed: State
	EventVerdict                      // the verdict on a source changed: Source, Verdict, and Err if it has one
	EventPollFailed                   // a poll gave no sample: Source, Err
	EventDisruption                   // an epoch ended: Epoch is the new one, Reason says why
	EventRecorder                     // the recording ended early: Err
	EventLeapSeconds                  // something else is believed about leap seconds: Reason says what
)

var eventKindNames = []string{"state", "verdict", "poll failed", "disruption", "recorder", "leap seconds"}

// String returns the kind in lower case, as in "poll failed".
func (k EventKind) String() string { return name(k, eventKindNames) }

// MarshalText writes what String returns.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *EventKind) UnmarshalText(text []byte) error { return parseName(k, text, eventKindNames) }

// Event is something that happened to a clock. Which fields are set depends on the kind.
type Event struct {
	Kind    EventKind
	Epoch   uint64
	State   State
	Source  string `json:",omitempty"`
	Verdict Verdict
	Reason  string `json:",omitempty"`
	Err     error
	Dropped int `json:",omitempty"` // how many events were lost since the last one reported
}

// String describes the event in one line, for a log.
func (e Event) String() string {
	switch e.Kind {
	case EventState:
		return fmt.Sprintf("clock is %v (epoch %d)", e.State, e.Epoch)
	case EventVerdict:
		if e.Err != nil {
			return fmt.Sprintf("source %s is %v: %v", e.Source, e.Verdict, e.Err)
		}
		return fmt.Sprintf("source %s is %v", e.Source, e.Verdict)
	case EventPollFailed:
		return fmt.Sprintf("source %s: %v", e.Source, e.Err)
	case EventDisruption:
		return fmt.Sprintf("epoch %d begins: %s", e.Epoch, e.Reason)
	case EventRecorder:
		return e.Err.Error()
	case EventLeapSeconds:
		return e.Reason
	}
	return e.Kind.String()
}

// maxQueuedEvents bounds the memory of a clock whose event function is slow.
const maxQueuedEvents = 256

// eventQueue hands events to the user's function on a goroutine of its own, so that a slow function
// delays no poll. The zero value drops everything. The clock's lock guards emit and close.
type eventQueue struct {
	events  chan Event
	done    chan struct{}
	dropped int
}

func newEventQueue(report func(Event)) *eventQueue {
	q := &eventQueue{}
	if report == nil {
		return q
	}
	q.events, q.done = make(chan Event, maxQueuedEvents), make(chan struct{})
	go func() {
		defer close(q.done)
		for e := range q.events {
			report(e)
		}
	}()
	return q
}

func (q *eventQueue) emit(e Event) {
	if q.events == nil {
		return
	}
	e.Dropped = q.dropped
	select {
	case q.events <- e:
		q.dropped = 0
	default:
		q.dropped++
	}
}

// finish lets the function see what is queued, and ends the goroutine.
func (q *eventQueue) finish() {
	if q.events != nil {
		close(q.events)
		<-q.done
	}
}
