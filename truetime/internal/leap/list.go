package leap

import (
	"bufio"
	"crypto/sha1" // as the format of the file demands; it guards against damage, not against an enemy
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

const (
	ntpEpoch = 2208988800 // 1970 in seconds since 1900 (RFC 5905 figure 4)
	listMax  = 1 << 20    // bytes of a leap-seconds.list; a real one has 5 thousand
)

// list is a leap-seconds.list that is being read.
type list struct {
	source  string
	line    int
	entries []Leap
	lines   []int // of the entries
	expiry  UTC
	expires bool
	updated bool
	digits  hash.Hash // of what the hash line is made from: all numbers in order, without spaces
	hashed  []byte    // what the hash line says, if there was one
	hashAt  int       // its line
}

// ParseList reads a leap-seconds.list as IERS and NIST publish it. source names it in errors, which
// are [ErrTable] and name the line. A file without an expiry or without its SHA-1 line is refused.
func ParseList(r io.Reader, source string) (*Table, error) {
	l := &list{source: source, digits: sha1.New()}
	lines := bufio.NewScanner(io.LimitReader(r, listMax))
	for lines.Scan() {
		l.line++
		if err := l.read(strings.TrimSpace(lines.Text())); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: after line %d: %w", ErrTable, source, l.line, err)
	}
	l.line++
	switch {
	case !l.expires:
		return nil, l.wrong("the line #@ is missing that says when it expires")
	case l.hashed == nil:
		return nil, l.wrong("the line #h with its SHA-1 is missing: the file is not complete")
	case string(l.hashed) != string(l.digits.Sum(nil)):
		l.line = l.hashAt
		return nil, l.wrong("its SHA-1 is %x and should be %x: the file is damaged, fetch it again", l.digits.Sum(nil), l.hashed)
	}
	return newTable(l.entries, l.expiry, source, func(i int) string { return fmt.Sprintf("line %d", l.lines[i]) })
}

func (l *list) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s: line %d: %s", ErrTable, l.source, l.line, fmt.Sprintf(format, args...))
}

func (l *list) read(text string) error {
	kind, rest := "", text
	if strings.HasPrefix(text, "#") {
		kind, rest = text[:min(2, len(text))], text[min(2, len(text)):]
	}
	switch kind {
	case "#$":
		if l.updated {
			return l.wrong("a second line #$")
		}
		l.updated = true
		_, err := l.stamp(strings.TrimSpace(rest))
		return err
	case "#@":
		if l.expires {
			return l.wrong("a second line #@")
		}
		l.expires = true
		var err error
		l.expiry, err = l.stamp(strings.TrimSpace(rest))
		return err
	case "#h":
		return l.readHash(strings.Fields(rest))
	case "":
		return l.readEntry(rest)
	}
	return nil // a comment
}

// stamp reads an NTP time.
func (l *list) stamp(text string) (UTC, error) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seconds > 1<<33 { // the year 2172: nanoseconds fit
		return 0, l.wrong("%q is not a time in seconds since 1900", text)
	}
	io.WriteString(l.digits, text)
	return UTC((int64(seconds) - ntpEpoch) * second), nil
}

func (l *list) readEntry(text string) error {
	text, _, _ = strings.Cut(text, "#")
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil
	}
	if len(fields) != 2 {
		return l.wrong("%q is not a time and TAI−UTC", text)
	}
	at, err := l.stamp(fields[0])
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(fields[1], 10, 16)
	if err != nil {
		return l.wrong("%q is not a number of seconds", fields[1])
	}
	io.WriteString(l.digits, fields[1])
	l.entries = append(l.entries, Leap{at, int(offset)})
	l.lines = append(l.lines, l.line)
	return nil
}

// readHash reads five words in hexadecimal, which some writers print without leading zeros.
func (l *list) readHash(words []string) error {
	if len(words) != sha1.Size/4 || l.hashed != nil {
		return l.wrong("not one SHA-1 of five words")
	}
	l.hashAt = l.line
	for _, word := range words {
		value, err := strconv.ParseUint(word, 16, 32)
		if err != nil {
			return l.wrong("%q is not a word of a SHA-1", word)
		}
		l.hashed = binary.BigEndian.AppendUint32(l.hashed, uint32(value))
	}
	return nil
}
