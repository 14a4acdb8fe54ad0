// Package snapshot writes the state of a clock as lines of text, and reads it back exactly. Each
// structure lists its fields once, in a method called Fields that serves both ways, so that what is
// read is what was written:
//
//	func (s *source) Fields(l *snapshot.Lines) {
//		l.Line("source 0", "due reach peer", &s.due, &s.reach, &s.peer)
//	}
//
//	state source 0 due=1700 reach=255 peer="192.0.2.1"
//
// A field that is zero is left out. What is read may be anybody's: it has to be what [Lines.Require]
// says, and takes no more memory than that allows.
package snapshot

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/epsilontime/epsilon/internal/invariants"
)

// Word begins each line.
const Word = "state"

// Lines are the lines of one state, which are being written or read. The first error ends the
// reading: nothing is changed from there on.
type Lines struct {
	text []byte
	next func() (string, error) // nil while writing
	full bool                   // fields that are zero are written, too
	err  error
}

// List is a field of several numbers. Like the fields, they are given by pointers.
type List []any

// Write returns the lines of what has these fields.
func Write(fields func(*Lines)) []byte {
	var l Lines
	fields(&l)
	return l.text
}

// WriteFull is Write with the fields that are zero, so that a test finds each of them to change it.
func WriteFull(fields func(*Lines)) []byte {
	l := Lines{full: true}
	fields(&l)
	return l.text
}

// Read sets fields to what the lines say that next returns, without their line ends. An error is
// next's, or is about the line that next has returned last.
func Read(next func() (string, error), fields func(*Lines)) error {
	l := Lines{next: next}
	fields(&l)
	return l.err
}

// Reading reports whether a state is being read, and nothing of it was wrong so far.
func (l *Lines) Reading() bool { return l.next != nil && l.err == nil }

// Line is one line, which begins with a name. Its fields are named, in order, by words, and given
// by pointers to integers, floats, bools and strings.
func (l *Lines) Line(name, words string, fields ...any) {
	if l.Reading() {
		l.err = l.read(name, words, fields)
	}
	if l.next != nil {
		return
	}
	l.text = append(append(append(l.text, Word...), ' '), name...)
	for i, word := range strings.Fields(words) {
		if l.full || !zero(fields[i]) {
			l.text = append(append(append(l.text, ' '), word...), '=')
			l.text = appendField(l.text, fields[i])
		}
	}
	l.text = append(l.text, '\n')
}

// Require says what has to hold of what has been read, and reports whether it does and nothing was
// wrong before.
func (l *Lines) Require(holds bool, format string, values ...any) bool {
	switch {
	case l.err != nil:
		return false
	case holds:
		return true
	case l.Reading():
		l.err = fmt.Errorf("no clock is in such a state: "+format, values...)
		return false
	case invariants.Enabled:
		invariants.Check(false, "a state is written that could not be read: "+format, values...)
	}
	return true
}

// Length gives a slice the length n that has been read, which has to be at most limit. What it then
// holds is still to be read.
func Length[T any](l *Lines, s *[]T, n, limit int) {
	if l.Require(n >= 0 && n <= limit, "%d of something of which there are at most %d", n, limit) && l.Reading() {
		*s = append((*s)[:0], make([]T, n)...)
	}
}

func zero(field any) bool {
	if list, ok := field.(List); ok {
		for _, f := range list {
			if !zero(f) {
				return false
			}
		}
		return true
	}
	return reflect.ValueOf(field).Elem().IsZero()
}

func appendField(b []byte, field any) []byte {
	if list, ok := field.(List); ok {
		for i, f := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendField(b, f)
		}
		return b
	}
	switch v := reflect.ValueOf(field).Elem(); {
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10)
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10)
	case v.CanFloat():
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	case v.Kind() == reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	default:
		return strconv.AppendQuote(b, v.String())
	}
}

func (l *Lines) read(name, words string, fields []any) error {
	line, err := l.next()
	if err != nil {
		return err
	}
	begin := Word + " " + name
	rest, ok := strings.CutPrefix(line, begin)
	if !ok || rest != "" && rest[0] != ' ' {
		return fmt.Errorf("%.40q, where %q was to come", line, begin)
	}
	for i, word := range strings.Fields(words) {
		value, found := strings.CutPrefix(rest, " "+word+"=")
		if !found {
			setZero(fields[i])
			continue
		}
		end := strings.IndexByte(value+" ", ' ')
		if quoted, err := strconv.QuotedPrefix(value); err == nil {
			end = len(quoted)
		}
		value, rest = value[:end], value[end:]
		if err := parse(value, fields[i]); err != nil {
			return fmt.Errorf("%q: %s=%.40s: %w", begin, word, value, err)
		}
	}
	if rest != "" {
		return fmt.Errorf("%q: %.40q is not a field of it, or not in its place", begin, rest)
	}
	return nil
}

func setZero(field any) {
	if list, ok := field.(List); ok {
		for _, f := range list {
			setZero(f)
		}
		return
	}
	reflect.ValueOf(field).Elem().SetZero()
}

func parse(text string, field any) (err error) {
	if list, ok := field.(List); ok {
		values := strings.SplitN(text, ",", len(list)+1)
		if len(values) != len(list) {
			return fmt.Errorf("it has to be %d numbers", len(list))
		}
		for i, f := range list {
			err = errors.Join(err, parse(values[i], f))
		}
		return err
	}
	v := reflect.ValueOf(field).Elem()
	var i int64
	var u uint64
	var f float64
	var b bool
	var s string
	switch {
	case v.CanInt():
		i, err = strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(i)
	case v.CanUint():
		u, err = strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(u)
	case v.CanFloat():
		if f, err = strconv.ParseFloat(text, 64); math.IsNaN(f) {
			err = errors.New("it is not a number")
		}
		v.SetFloat(f)
	case v.Kind() == reflect.Bool:
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	default:
		s, err = strconv.Unquote(text)
		v.SetString(s)
	}
	return err
}
