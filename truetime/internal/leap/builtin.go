package leap

import "time"

// BuiltIn returns the table of the IERS as of its Bulletin C 72 of July 2026: no leap second at the
// end of December 2026. Source: leap-seconds.list of the tz database 2026f (Debian's tzdata
// 2026f-0+deb12u1), updated at NTP time 3992312697, which expires on 28 June 2027.
func BuiltIn() *Table {
	const firstOffset = 10 // since 1972-01-01
	months := []struct {
		year  int
		month time.Month
	}{
		{1972, 1},
		{1972, 7}, {1973, 1}, {1974, 1}, {1975, 1}, {1976, 1}, {1977, 1}, {1978, 1}, {1979, 1}, {1980, 1},
		{1981, 7}, {1982, 7}, {1983, 7}, {1985, 7}, {1988, 1}, {1990, 1}, {1991, 1}, {1992, 7}, {1993, 7},
		{1994, 7}, {1996, 1}, {1997, 7}, {1999, 1}, {2006, 1}, {2009, 1}, {2012, 7}, {2015, 7}, {2017, 1},
	}
	entries := make([]Entry, len(months))
	for i, m := range months {
		entries[i] = Entry{fromStd(time.Date(m.year, m.month, 1, 0, 0, 0, 0, time.UTC)), firstOffset + i}
	}
	t, err := NewTable(entries, fromStd(time.Date(2027, 6, 28, 0, 0, 0, 0, time.UTC)), "built in (IERS Bulletin C 72)")
	if err != nil {
		panic(err) // an invariant of ours: the entries are constant, and a test reads them
	}
	return t
}
