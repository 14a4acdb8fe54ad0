package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A document is what a TOML file says, with the line of everything. The decoder of go-toml stops at
// the first value of a wrong type, and its strict mode knows only of keys; so the tree of its parser is
// walked here instead.

// table is a TOML table.
type table struct {
	line   int
	keys   []string // in the order of the file
	values map[string]*value
}

// value is what a key has. Exactly one of the fields but line is set, as kind says.
type value struct {
	line   int
	kind   unstable.Kind // Table for a table that has a header or dotted keys
	text   string        // a string, or a number, date or boolean as written
	list   []*value      // of an array
	table  *table        // of a table
	tables []*table      // of an array of tables
}

func newTable(line int) *table { return &table{line: line, values: map[string]*value{}} }

func (t *table) set(key string, v *value) {
	t.keys = append(t.keys, key)
	t.values[key] = v
}

// maxFile bounds what is read. No configuration of a person is that long.
const maxFile = 1 << 20

// parse reads a document. What is wrong with its form is added to m, and what could be read is returned.
func parse(data []byte, m *mistakes) *table {
	if len(data) > maxFile {
		m.addf(0, "the file is longer than %d bytes", maxFile)
		return newTable(1)
	}
	w := walker{m: m, root: newTable(1)}
	w.current = w.root
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if err := w.parser.Error(); err != nil {
		w.syntax(data, err)
	} else if len(m.found) == 0 {
		// What the parser lets pass, the decoder may still refuse, such as the 31st of February.
		var checked map[string]any
		if err := toml.Unmarshal(data, &checked); err != nil {
			w.syntax(data, err)
		}
	}
	return w.root
}

type walker struct {
	m       *mistakes
	parser  unstable.Parser
	root    *table
	current *table // that the next keys belong to
}

// syntax notes what go-toml says of a form that it cannot read.
func (w *walker) syntax(data []byte, err error) {
	line := 0
	var decode *toml.DecodeError
	var parser *unstable.ParserError
	switch {
	case errors.As(err, &decode):
		line, _ = decode.Position()
	case errors.As(err, &parser):
		line = 1 + strings.Count(string(data[:offset(data, parser.Highlight)]), "\n")
	}
	w.m.addf(line, "this is not TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
}

// offset is where part begins within data, of which it is a part. The capacity of both ends at the same place.
func offset(data, part []byte) int { return min(max(cap(data)-cap(part), 0), len(data)) }

func (w *walker) line(n *unstable.Node) int {
	if n.Raw.Length == 0 {
		return 0
	}
	return w.parser.Shape(n.Raw).Start.Line
}

func (w *walker) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table:
		w.current = w.header(n, false)
	case unstable.ArrayTable:
		w.current = w.header(n, true)
	case unstable.KeyValue:
		w.keyValue(w.current, n)
	}
}

// names returns the parts of a key and its line.
func (w *walker) names(n *unstable.Node) (parts []string, line int) {
	for it := n.Key(); it.Next(); {
		if line == 0 {
			line = w.line(it.Node())
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, line
}

// header opens the table of a header such as [clock] or [[source]].
func (w *walker) header(n *unstable.Node, array bool) *table {
	parts, line := w.names(n)
	t := w.root
	for i, part := range parts {
		v, found := t.values[part]
		last := i == len(parts)-1
		switch {
		case last && array && !found:
			made := newTable(line)
			t.set(part, &value{line: line, kind: unstable.ArrayTable, tables: []*table{made}})
			return made
		case last && array && v.tables != nil:
			made := newTable(line)
			v.tables = append(v.tables, made)
			return made
		case !found:
			made := newTable(line)
			t.set(part, &value{line: line, kind: unstable.Table, table: made})
			t = made
		case v.table != nil && !last:
			t = v.table
		case v.tables != nil && !last:
			t = v.tables[len(v.tables)-1]
		default:
			w.m.addf(line, "%s is already given on line %d", strings.Join(parts, "."), v.line)
			return newTable(line) // what it has is still read, and belongs nowhere
		}
	}
	return t
}

func (w *walker) keyValue(t *table, n *unstable.Node) {
	parts, line := w.names(n)
	for i, part := range parts {
		v, found := t.values[part]
		switch last := i == len(parts)-1; {
		case last && !found:
			made := w.value(n.Value(), line)
			t.set(part, made)
		case !last && !found:
			made := newTable(line)
			t.set(part, &value{line: line, kind: unstable.Table, table: made})
			t = made
		case !last && v.table != nil:
			t = v.table
		default:
			w.m.addf(line, "%s is already given on line %d", strings.Join(parts, "."), v.line)
			return
		}
	}
}

func (w *walker) value(n *unstable.Node, line int) *value {
	v := &value{line: line, kind: n.Kind, text: string(n.Data)}
	switch n.Kind {
	case unstable.Array:
		v.list = []*value{}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				v.list = append(v.list, w.value(it.Node(), line))
			}
		}
	case unstable.InlineTable:
		v.table = newTable(line)
		for it := n.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				w.keyValue(v.table, it.Node())
			}
		}
	}
	return v
}

// describe says what a value is, for a mistake.
func (v *value) describe() string {
	switch v.kind {
	case unstable.String:
		return strconv.Quote(clip(v.text))
	case unstable.Array:
		return "a list"
	case unstable.InlineTable, unstable.Table:
		return "a table"
	case unstable.ArrayTable:
		return "a list of tables"
	}
	return clip(v.text)
}

// clip keeps what somebody else wrote from filling a line.
func clip(text string) string {
	const longest = 60
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}

// written is a value in a form that is the same for two documents that say the same, whatever their lines.
func written(v *value) string {
	if v == nil {
		return "nothing"
	}
	text := fmt.Sprintf("%v %q", v.kind, v.text)
	for _, element := range v.list {
		text += "[" + written(element) + "]"
	}
	for _, t := range append(slices.Clone(v.tables), v.table) {
		if t == nil {
			continue
		}
		text += "{"
		for _, key := range slices.Sorted(slices.Values(t.keys)) {
			text += fmt.Sprintf("%q: %s,", key, written(t.values[key]))
		}
		text += "}"
	}
	return text
}
