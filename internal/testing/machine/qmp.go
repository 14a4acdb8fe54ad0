//go:build linux

package machine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// qmp is a connection to a qemu's control socket (docs/interop/qmp-spec.txt of qemu). Commands are
// given one at a time.
type qmp struct {
	conn   net.Conn
	reader *bufio.Reader
	events []string // that came while something else was awaited
}

// qmpMessage is whatever qemu sends: what it is shows in which part is there.
type qmpMessage struct {
	QMP    json.RawMessage
	Return json.RawMessage
	Error  *struct{ Class, Desc string }
	Event  string
}

// qmpLimit bounds every answer and every event, on a host that is busy.
const qmpLimit = 2 * time.Minute

func dialQMP(path string) (*qmp, error) {
	conn, err := dialUnix(path)
	if err != nil {
		return nil, err
	}
	q := &qmp{conn: conn, reader: bufio.NewReader(conn)}
	if _, err := q.read(); err != nil { // the greeting
		return nil, fmt.Errorf("qmp: greeting: %w", err)
	}
	return q, q.do("qmp_capabilities", nil, nil)
}

// do has qemu obey a command, and decodes its answer if result is not nil.
func (q *qmp) do(command string, arguments map[string]any, result any) error {
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	line, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("qmp: %s: %w", command, err)
	}
	if _, err := q.conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("qmp: %s: %w", command, err)
	}
	for {
		m, err := q.read()
		switch {
		case err != nil:
			return fmt.Errorf("qmp: %s: %w", command, err)
		case m.Event != "":
			q.events = append(q.events, m.Event)
		case m.Error != nil:
			return fmt.Errorf("qmp: %s: %s", command, m.Error.Desc)
		case m.Return != nil && result != nil:
			return json.Unmarshal(m.Return, result)
		case m.Return != nil:
			return nil
		}
	}
}

// await waits for an event, such as "SUSPEND". What came before it is forgotten.
func (q *qmp) await(event string) error {
	for {
		for len(q.events) > 0 {
			came := q.events[0]
			q.events = q.events[1:]
			if came == event {
				return nil
			}
		}
		m, err := q.read()
		if err != nil {
			return fmt.Errorf("qmp: wait for the event %s: %w", event, err)
		}
		if m.Event != "" {
			q.events = append(q.events, m.Event)
		}
	}
}

func (q *qmp) read() (m qmpMessage, err error) {
	if err := q.conn.SetReadDeadline(time.Now().Add(qmpLimit)); err != nil {
		return m, err
	}
	line, err := q.reader.ReadBytes('\n')
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(line, &m)
}
