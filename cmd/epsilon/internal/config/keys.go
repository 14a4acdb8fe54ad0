package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keys reads the keys of one table, and knows which have been asked for.
type keys struct {
	*table
	name  string // of the table, as in "[clock]"
	known map[string]bool
	m     *mistakes
}

func keysOf(t *table, name string, m *mistakes) *keys {
	return &keys{table: t, name: name, known: map[string]bool{}, m: m}
}

// look returns what a key has, nil if it is not there.
func (k *keys) look(key string) *value {
	k.known[key] = true
	return k.values[key]
}

// line is where a key is, and the table's line where it is not.
func (k *keys) line(key string) int {
	if v := k.values[key]; v != nil {
		return v.line
	}
	return k.table.line
}

func (k *keys) wrong(key string, v *value, must string) {
	k.m.addf(v.line, "%s = %s: it must be %s", key, v.describe(), must)
}

// text gives a string that is not empty to set.
func (k *keys) text(key, must string, set func(string)) {
	switch v := k.look(key); {
	case v == nil:
	case v.kind != unstable.String || v.text == "":
		k.wrong(key, v, must)
	default:
		set(v.text)
	}
}

// texts gives a list of strings to set, of which there is at least one.
func (k *keys) texts(key, must string, set func([]string)) {
	v := k.look(key)
	if v == nil {
		return
	}
	var texts []string
	for _, element := range v.list {
		if element.kind == unstable.String {
			texts = append(texts, element.text)
		}
	}
	if v.kind != unstable.Array || len(texts) == 0 || len(texts) < len(v.list) {
		k.wrong(key, v, must)
		return
	}
	set(texts)
}

// duration gives a duration to set.
func (k *keys) duration(key string, set func(time.Duration)) {
	v := k.look(key)
	if v == nil {
		return
	}
	const must = `a duration with its unit, as in "16s", "1.5ms" or "250us"`
	if v.kind != unstable.String {
		k.wrong(key, v, must)
		return
	}
	d, err := time.ParseDuration(v.text)
	if err != nil {
		k.wrong(key, v, must)
		return
	}
	set(d)
}

// boolean gives true or false to set.
func (k *keys) boolean(key string, set func(bool)) {
	switch v := k.look(key); {
	case v == nil:
	case v.kind != unstable.Bool:
		k.wrong(key, v, "true or false")
	default:
		set(v.text == "true")
	}
}

// flag calls set if a key is true.
func (k *keys) flag(key string, set func()) {
	k.boolean(key, func(is bool) {
		if is {
			set()
		}
	})
}

// integer gives a whole number to set.
func (k *keys) integer(key, must string, set func(int)) {
	v := k.look(key)
	if v == nil {
		return
	}
	n, err := strconv.Atoi(strings.ReplaceAll(v.text, "_", ""))
	if v.kind != unstable.Integer || err != nil {
		k.wrong(key, v, must)
		return
	}
	set(n)
}

// number gives a number to set. Its unit is in the name of the key.
func (k *keys) number(key, unit string, set func(float64)) {
	v := k.look(key)
	if v == nil {
		return
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(v.text, "_", ""), 64)
	if v.kind != unstable.Integer && v.kind != unstable.Float || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		k.wrong(key, v, "a number in "+unit+", without quotes")
		return
	}
	set(f)
}

// choice gives what a word stands for to set.
func choice[T any](k *keys, key string, words map[string]T, set func(T)) {
	v := k.look(key)
	if v == nil {
		return
	}
	meaning, ok := words[v.text]
	if v.kind != unstable.String || !ok {
		var quoted []string
		for _, word := range slices.Sorted(maps.Keys(words)) {
			quoted = append(quoted, strconv.Quote(word))
		}
		k.wrong(key, v, "one of "+strings.Join(quoted, ", "))
		return
	}
	set(meaning)
}

// tableAt returns the keys of a table within this one; of an empty one if it is not there.
func (k *keys) tableAt(key string) *keys {
	v := k.look(key)
	name := "[" + key + "]"
	if v == nil {
		return keysOf(newTable(k.table.line), name, k.m)
	}
	if v.table == nil {
		k.wrong(key, v, "a table, as in "+name)
		return keysOf(newTable(v.line), name, k.m)
	}
	return keysOf(v.table, name, k.m)
}

// rest notes the keys that nobody has asked for.
func (k *keys) rest() {
	for _, key := range k.keys {
		if k.known[key] {
			continue
		}
		text := fmt.Sprintf("%s is no key of %s", clip(key), k.name)
		if near := nearest(key, slices.Sorted(maps.Keys(k.known))); near != "" {
			text += fmt.Sprintf(": is %s meant?", near)
		} else {
			text += ", which has " + strings.Join(slices.Sorted(maps.Keys(k.known)), ", ")
		}
		k.m.addf(k.values[key].line, "%s", text)
	}
}

// nearest returns the known key that an unknown one is probably a slip of, if there is one: the same
// without its unit, or up to two letters away.
func nearest(key string, known []string) string {
	best, least := "", 3
	for _, candidate := range known {
		if strings.HasPrefix(candidate, key+"_") || strings.HasPrefix(key, candidate+"_") {
			return candidate
		}
		if d := distance(key, candidate); d < least && d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many letters have to be changed, added or removed to make b of a (Levenshtein 1965).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
