package truetime

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Value stores t as a 64-bit integer (BIGINT), the nanoseconds, whose order in the database is that
// of the times. A timestamp column would round to its own resolution, mostly a microsecond.
func (t Time) Value() (driver.Value, error) { return int64(t), nil }

// Scan reads an integer, which is nanoseconds since 1970, the same in decimal, the text form, or a
// time.Time. NULL is an error: use sql.Null[Time] where it may occur. Scan leaves t alone if it
// returns an error.
func (t *Time) Scan(source any) error {
	switch value := source.(type) {
	case int64:
		*t = Time(value)
		return nil
	case string:
		return t.scanText(value)
	case []byte:
		return t.scanText(string(value))
	case time.Time:
		if _, ok := nanoseconds(value); !ok && !value.IsZero() {
			return fmt.Errorf("truetime: cannot scan %v: it is outside the years 1678 to 2262", value)
		}
		*t = FromStd(value)
		return nil
	case nil:
		return errors.New("truetime: cannot scan NULL into a Time: use sql.Null[truetime.Time]")
	default:
		return fmt.Errorf("truetime: cannot scan a %T into a Time", source)
	}
}

// scanText reads text: some drivers return integers as such.
func (t *Time) scanText(s string) error {
	if ns, err := strconv.ParseInt(s, 10, 64); err == nil {
		*t = Time(ns)
		return nil
	}
	read, err := ParseTime(s)
	if err != nil {
		return err
	}
	*t = read
	return nil
}
