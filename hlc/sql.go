package hlc

import (
	"database/sql/driver"
	"fmt"
)

// Value stores t as a 64-bit integer (BIGINT), whose order in the database is that of the
// timestamps.
func (t Timestamp) Value() (driver.Value, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return int64(t), nil
}

// Scan reads an integer or the text form. NULL is an error: use sql.Null[Timestamp] where it may
// occur. Scan leaves t alone if it returns an error.
func (t *Timestamp) Scan(source any) error {
	switch value := source.(type) {
	case int64:
		if err := Timestamp(value).check(); err != nil {
			return err
		}
		*t = Timestamp(value)
		return nil
	case string:
		return t.UnmarshalText([]byte(value))
	case []byte:
		return t.UnmarshalText(value)
	default:
		return fmt.Errorf("%w: cannot scan a %T", ErrInvalidTimestamp, source)
	}
}
