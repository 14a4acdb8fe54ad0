package leap

import (
	"bufio"
	"crypto/sha1" // as the format of the file demands; it guards against damage, not against an enemy
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	ntpEpoch = 2208988800 // 1970 in seconds since 1900 (RFC 5905 figure 4)
	listMax  = 1 << 20    // bytes of a leap-seconds.list; a real one has 5 thousand
)

// ParseList reads a leap-seconds.list as IERS and NIST publish it. source names it in errors, which
// are [ErrTable] and name the line. A file without an expiry or without its SHA-1 is refused.
func ParseList(r io.Reader, source string) (*Table, error) {
	var l list
	line := 0
	wrong := func(err error) error { return fmt.Errorf("%w: %s: line %d: %w", ErrTable, source, line, err) }
	lines := bufio.NewScanner(io.LimitReader(r, listMax))
	for lines.Scan() {
		line++
		entries := len(l.entries)
		if err := l.read(lines.Text()); err != nil {
			return nil, wrong(err)
		}
		if len(l.entries) > entries {
			l.lines = append(l.lines, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, wrong(err)
	}
	if err := l.complete(); err != nil {
		return nil, wrong(err)
	}
	return newTable(l.entries, l.expiry, source, func(i int) string { return fmt.Sprintf("line %d", l.lines[i]) })
}

// list is what has been read of a leap-seconds.list. A line of it is an entry, a time and TAI−UTC from
// then on, or begins with #$, when the list was changed, with #@, when it expires, or with #h, the SHA-1
// of all these numbers in the order of the lines. The rest is comment.
type list struct {
	entries []Entry
	lines   []int // of the entries
	expiry  UTC
	expires bool
	numbers strings.Builder // that the SHA-1 is made from
	hash    string          // as the list has it; empty if it has none
}

func (l *list) read(text string) error {
	kind := ""
	if strings.HasPrefix(text, "#") {
		kind, text = text[:min(2, len(text))], text[min(2, len(text)):]
	}
	text, _, _ = strings.Cut(text, "#")
	fields := strings.Fields(text)
	switch {
	case kind == "" && len(fields) == 2:
		return l.readEntry(fields[0], fields[1])
	case kind == "" && len(fields) > 0:
		return fmt.Errorf("%q is not a time and TAI−UTC", text)
	case kind == "#$":
		_, err := l.readTime(strings.Join(fields, " "))
		return err
	case kind == "#@" && l.expires:
		return errors.New("a second line #@")
	case kind == "#@":
		var err error
		l.expires = true
		l.expiry, err = l.readTime(strings.Join(fields, " "))
		return err
	case kind == "#h":
		return l.readHash(fields)
	}
	return nil
}

func (l *list) readEntry(at, offset string) error {
	u, err := l.readTime(at)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(offset, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a number of seconds", offset)
	}
	l.numbers.WriteString(offset)
	l.entries = append(l.entries, Entry{u, int(seconds)})
	return nil
}

func (l *list) readTime(text string) (UTC, error) {
	seconds, err := strconv.ParseUint(text, 10, 33) // up to the year 2172, so nanoseconds fit
	if err != nil {
		return 0, fmt.Errorf("%q is not a time in seconds since 1900", text)
	}
	l.numbers.WriteString(text)
	return UTC((int64(seconds) - ntpEpoch) * second), nil
}

// readHash reads five words in hexadecimal, which some writers print without leading zeros.
func (l *list) readHash(words []string) error {
	if len(words) != sha1.Size/4 || l.hash != "" {
		return errors.New("not one SHA-1 of five words")
	}
	for _, word := range words {
		value, err := strconv.ParseUint(word, 16, 32)
		if err != nil {
			return fmt.Errorf("%q is not a word of a SHA-1", word)
		}
		l.hash += fmt.Sprintf("%08x", value)
	}
	return nil
}

// complete reports what is missing or damaged once everything has been read.
func (l *list) complete() error {
	sum := fmt.Sprintf("%x", sha1.Sum([]byte(l.numbers.String())))
	switch {
	case !l.expires:
		return errors.New("the line #@ is missing that says when it expires")
	case l.hash == "":
		return errors.New("the line #h with its SHA-1 is missing: the file is not complete")
	case l.hash != sum:
		return fmt.Errorf("its SHA-1 is %s and should be %s: the file is damaged, fetch it again", sum, l.hash)
	}
	return nil
}
