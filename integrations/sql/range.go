package epsilonsql

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/epsilontime/epsilon/truetime"
)

// Range is an interval as a column of type int8range in PostgreSQL: nanoseconds since 1970, both ends
// included. A tstzrange would round them to microseconds, outward or inward as it happens, and an interval
// that has been rounded inward may not contain true time any more.
//
//	CREATE TABLE event (id BIGINT PRIMARY KEY, at INT8RANGE NOT NULL)
//
//	db.ExecContext(ctx, "INSERT INTO event VALUES ($1, $2)", id, epsilonsql.Range(interval))
//
// The operators of ranges say what the methods of [truetime.Interval] say: a && b is Overlaps, a << b is
// that a certainly was before b, a @> t is Contains, and a * b is Intersect. With an exclusion constraint
// the database sees to it that all events of a table can be ordered for certain:
//
//	CREATE TABLE event (at INT8RANGE NOT NULL, EXCLUDE USING gist (at WITH &&))
//
// Other databases have no ranges. Keep the two ends there, each a [truetime.Time] in a BIGINT; two
// intervals overlap if
//
//	a.earliest <= b.latest AND b.earliest <= a.latest
type Range truetime.Interval

// Value writes "[earliest,latest]". An interval that is not valid is an error, and so is one that ends
// at the last moment that a Time can hold, because PostgreSQL keeps the moment after the end.
func (r Range) Value() (driver.Value, error) {
	interval := truetime.Interval(r)
	switch {
	case interval == truetime.Interval{}:
		return nil, fmt.Errorf("epsilonsql: no interval: use sql.Null[epsilonsql.Range] for a column that may be NULL")
	case !interval.Valid():
		return nil, fmt.Errorf("epsilonsql: interval %v ends before it begins", interval)
	case r.Latest == math.MaxInt64:
		return nil, fmt.Errorf("epsilonsql: interval %v has no moment after its end that an int8range could hold", interval)
	}
	return fmt.Sprintf("[%d,%d]", int64(r.Earliest), int64(r.Latest)), nil
}

// Scan reads a range with two ends, as PostgreSQL writes it: "[earliest,after)". An empty one, or one that
// is open at an end, is no interval, and an error. So is NULL: use sql.Null[Range] where it may occur. Scan
// leaves r alone if it returns an error.
func (r *Range) Scan(source any) error {
	var text string
	switch value := source.(type) {
	case string:
		text = value
	case []byte:
		text = string(value)
	case nil:
		return fmt.Errorf("epsilonsql: cannot scan NULL into a Range: use sql.Null[epsilonsql.Range]")
	default:
		return fmt.Errorf("epsilonsql: cannot scan a %T into a Range", source)
	}
	first, second, found := strings.Cut(text, ",")
	if !found || len(first) < 2 || len(second) < 2 {
		return fmt.Errorf("epsilonsql: %.80q is not a range of two ends", text)
	}
	earliest, err := end(text, first[1:], first[0], '[', '(', 1)
	if err != nil {
		return err
	}
	latest, err := end(text, second[:len(second)-1], second[len(second)-1], ']', ')', -1)
	if err != nil {
		return err
	}
	read := truetime.Interval{Earliest: earliest, Latest: latest}
	if !read.Valid() {
		return fmt.Errorf("epsilonsql: range %.80q is not an interval: it ends before it begins, or stands for no interval", text)
	}
	*r = Range(read)
	return nil
}

// end reads one end of a range. An open one is the moment that is inward of it.
func end(text, digits string, bracket, closed, open byte, inward int64) (truetime.Time, error) {
	ns, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("epsilonsql: range %.80q: an end is not a count of nanoseconds", text)
	case bracket == closed:
		return truetime.Time(ns), nil
	case bracket != open, inward > 0 && ns == math.MaxInt64, inward < 0 && ns == math.MinInt64:
		return 0, fmt.Errorf("epsilonsql: range %.80q: an end is not a moment", text)
	}
	return truetime.Time(ns + inward), nil
}
