package statuspage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/epsilontime/epsilon/internal/inwords"
	"github.com/epsilontime/epsilon/truetime"
)

// Limits of the streams.
const (
	maxStreams = 32
	statusEach = time.Second
	maxWrite   = 5 * time.Second // a client that has not taken a message by then is dropped
)

// past is the message at the start of a stream.
type past struct {
	Seconds Seconds
	Events  []told
}

// status is the message of each second.
type status struct {
	Report
	Words   words
	Seconds Seconds // since the last message
}

// told is an event, and what it says in words.
type told struct {
	At    time.Time
	Text  string
	Grade grade
	Event truetime.Event
}

func tell(e Event) told {
	return told{e.At.UTC(), inwords.Event(e.Event), eventGrade(e.Event), e.Event}
}

// eventGrade is how bad an event is. A poll that fails is not: the verdict says when it matters.
func eventGrade(e truetime.Event) grade {
	switch e.Kind {
	case truetime.EventDisruption, truetime.EventRecorder:
		return warning
	case truetime.EventState:
		switch e.State {
		case truetime.Synchronized:
			return good
		case truetime.Holdover:
			return warning
		}
		return bad
	case truetime.EventVerdict:
		return verdictGrade(e.Verdict)
	}
	return neither
}

// stream is what one client is sent.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s stream) send(kind string, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("a message of kind %s: %w", kind, err)
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(maxWrite))
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, text); err != nil {
		return err
	}
	return s.control.Flush()
}

// live streams what there is to show until the client goes, or does not keep up.
func (h *handler) live(w http.ResponseWriter, r *http.Request) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d pages are open already: close one of them", maxStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	recent, events, cancel := h.host.Subscribe()
	defer cancel()
	begin := past{h.host.Seconds(0), []told{}}
	for _, e := range recent {
		begin.Events = append(begin.Events, tell(e))
	}
	s := stream{w, http.NewResponseController(w)}
	if s.send("past", begin) != nil {
		return
	}
	end := begin.Seconds.End
	each := time.NewTicker(statusEach)
	defer each.Stop()
	for {
		report, seconds := h.host.Page(), h.host.Seconds(end)
		end = seconds.End
		if s.send("status", status{report, wordsOf(report), seconds}) != nil {
			return
		}
		for due := false; !due; {
			select {
			case e, open := <-events:
				if !open || s.send("event", tell(e)) != nil {
					return
				}
			case <-each.C:
				due = true
			case <-r.Context().Done():
				return
			}
		}
	}
}
