package truetime

import (
	"encoding/json"
	"strings"
)

// A Status, a SourceStatus and an Event are JSON objects with the names of their fields: durations
// in nanoseconds; enumerations, times and errors as text.

// The fields of each, without the methods that write them.
type (
	statusFields       Status
	sourceStatusFields SourceStatus
	eventFields        Event
)

// MarshalJSON writes the report as an object with the names of its fields, durations in
// nanoseconds, and enumerations, times and errors as text.
func (s Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		statusFields
		Err *readError `json:",omitempty"`
	}{statusFields(s), asText(s.Err)})
}

// UnmarshalJSON reads what MarshalJSON writes. An error keeps its text, and errors.Is finds in it
// those errors of this package whose text it contains. It leaves s alone if it returns an error.
func (s *Status) UnmarshalJSON(text []byte) error {
	var read struct {
		statusFields
		Err *readError
	}
	err := json.Unmarshal(text, &read)
	if err == nil {
		*s = Status(read.statusFields)
		s.Err = read.Err.orNil()
	}
	return err
}

// MarshalJSON writes the report as [Status.MarshalJSON] does.
func (s SourceStatus) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		sourceStatusFields
		Err *readError `json:",omitempty"`
	}{sourceStatusFields(s), asText(s.Err)})
}

// UnmarshalJSON reads what MarshalJSON writes, as [Status.UnmarshalJSON] does.
func (s *SourceStatus) UnmarshalJSON(text []byte) error {
	var read struct {
		sourceStatusFields
		Err *readError
	}
	err := json.Unmarshal(text, &read)
	if err == nil {
		*s = SourceStatus(read.sourceStatusFields)
		s.Err = read.Err.orNil()
	}
	return err
}

// MarshalJSON writes the event as [Status.MarshalJSON] writes a report, without the fields that an
// event of its kind does not have.
func (e Event) MarshalJSON() ([]byte, error) {
	written := struct {
		eventFields
		State   *State     `json:",omitempty"`
		Verdict *Verdict   `json:",omitempty"`
		Err     *readError `json:",omitempty"`
	}{eventFields: eventFields(e), Err: asText(e.Err)}
	if e.Kind == EventState {
		written.State = &e.State
	}
	if e.Kind == EventVerdict {
		written.Verdict = &e.Verdict
	}
	return json.Marshal(written)
}

// UnmarshalJSON reads what MarshalJSON writes, as [Status.UnmarshalJSON] does.
func (e *Event) UnmarshalJSON(text []byte) error {
	var read struct {
		eventFields
		Err *readError
	}
	err := json.Unmarshal(text, &read)
	if err == nil {
		*e = Event(read.eventFields)
		e.Err = read.Err.orNil()
	}
	return err
}

// readError is an error as JSON has it: its text.
type readError struct {
	text string
	is   []error // what else it is, as far as its text says so
}

func (e *readError) Error() string   { return e.text }
func (e *readError) Unwrap() []error { return e.is }

func (e *readError) MarshalText() ([]byte, error) { return []byte(e.text), nil }

// UnmarshalText finds the errors of this package in the text. Whoever wraps one has its text within
// their own.
func (e *readError) UnmarshalText(text []byte) error {
	*e = readError{text: string(text)}
	for _, err := range []error{
		ErrNotSynchronized, ErrUncertaintyTooLarge, ErrClockFaulty, ErrTAIUnknown, ErrClosed, ErrUnusable, ErrSlowDown, ErrDenied,
	} {
		if strings.Contains(e.text, err.Error()) {
			e.is = append(e.is, err)
		}
	}
	return nil
}

// orNil returns nil, and not an error that is a nil pointer, where there is none.
func (e *readError) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

// asText returns what JSON is to have of an error, nil for none.
func asText(err error) *readError {
	if err == nil {
		return nil
	}
	return &readError{text: err.Error()}
}
