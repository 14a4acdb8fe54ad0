// Package mistakes collects what is wrong, such as with a configuration, so that all of it is reported
// at once, on one line.
package mistakes

import (
	"fmt"
	"strings"
)

// List is the mistakes found so far. The zero List is empty.
type List []error

// Add adds a mistake, unless it is nil.
func (l *List) Add(mistake error) {
	if mistake != nil {
		*l = append(*l, mistake)
	}
}

// Addf adds a mistake in the manner of fmt.Errorf.
func (l *List) Addf(format string, values ...any) { l.Add(fmt.Errorf(format, values...)) }

// Err returns all mistakes as one error on one line, and nil if there are none.
func (l List) Err() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return joined(l)
}

// Join is errors.Join with an error on one line: what a log has one line for.
func Join(all ...error) error {
	var l List
	for _, err := range all {
		l.Add(err)
	}
	return l.Err()
}

type joined []error

func (j joined) Error() string {
	texts := make([]string, len(j))
	for i, mistake := range j {
		texts[i] = mistake.Error()
	}
	return strings.Join(texts, "; ")
}

func (j joined) Unwrap() []error { return j }
