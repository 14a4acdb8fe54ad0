package epsilonsql_test

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
)

func TestTimestampsAsColumns(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		exec1(t, db, "CREATE TABLE event (at BIGINT NULL)")
		insert := "INSERT INTO event (at) VALUES (" + map[bool]string{true: "$1", false: "?"}[db.dialect == epsilonsql.PostgreSQL] + ")"
		values := []hlc.Timestamp{math.MaxInt64, 1, 1_800_000_000_123_456_789, 1<<53 + 1, 2}
		for _, at := range values {
			exec1(t, db, insert, at)
		}
		exec1(t, db, insert, sql.Null[hlc.Timestamp]{})
		_, err := db.ExecContext(t.Context(), insert, hlc.Timestamp(0))
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)

		rows, err := db.QueryContext(t.Context(), "SELECT at FROM event WHERE at IS NOT NULL ORDER BY at")
		require.NoError(t, err)
		defer rows.Close()
		var got []hlc.Timestamp
		for rows.Next() {
			var at hlc.Timestamp
			require.NoError(t, rows.Scan(&at))
			got = append(got, at)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, []hlc.Timestamp{1, 2, 1<<53 + 1, 1_800_000_000_123_456_789, math.MaxInt64}, got)
		var none sql.Null[hlc.Timestamp]
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT at FROM event WHERE at IS NULL").Scan(&none))
		require.False(t, none.Valid)
	})
}

// Two intervals may have a moment in common, or one was certainly first: the database and the methods of
// Interval say the same.
func TestIntervalsAsTwoColumns(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		exec1(t, db, "CREATE TABLE event (id BIGINT NOT NULL, earliest BIGINT NOT NULL, latest BIGINT NOT NULL, CHECK (earliest <= latest))")
		all := someIntervals()
		for i, interval := range all {
			exec1(t, db, fmt.Sprintf("INSERT INTO event VALUES (%d, %d, %d)", i, int64(interval.Earliest), int64(interval.Latest)))
		}
		rows, err := db.QueryContext(t.Context(), `SELECT a.id, a.earliest, a.latest, b.id,
			CASE WHEN a.earliest <= b.latest AND b.earliest <= a.latest THEN 1 ELSE 0 END, CASE WHEN a.latest < b.earliest THEN 1 ELSE 0 END
			FROM event a CROSS JOIN event b`)
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var a, b, overlaps, before int
			var i truetime.Interval
			require.NoError(t, rows.Scan(&a, &i.Earliest, &i.Latest, &b, &overlaps, &before))
			require.Equal(t, all[a], i)
			require.Equal(t, all[a].Overlaps(all[b]), overlaps == 1)
			require.Equal(t, all[a].Before(all[b].Earliest), before == 1)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, len(all)*len(all), n)
		_, err = db.ExecContext(t.Context(), "INSERT INTO event VALUES (99, 2, 1)")
		require.Error(t, err)
	})
}

func someIntervals() []truetime.Interval {
	const now = truetime.Time(1_800_000_000_123_456_789)
	return []truetime.Interval{
		{Earliest: now, Latest: now}, {Earliest: now, Latest: now + 1}, {Earliest: now + 1, Latest: now + 1}, {Earliest: now + 2, Latest: now + 9},
		{Earliest: now - 7, Latest: now + 3}, {Earliest: now + 10, Latest: now + 11}, {Earliest: -5, Latest: 5}, {Earliest: math.MinInt64, Latest: math.MaxInt64 - 1},
	}
}

func TestIntervalsAsRanges(t *testing.T) {
	db := newDatabase(t, epsilonsql.PostgreSQL)
	exec1(t, db, "CREATE TABLE event (id BIGINT NOT NULL, at INT8RANGE NULL)")
	all := someIntervals()
	for i, interval := range all {
		exec1(t, db, "INSERT INTO event VALUES ($1, $2)", i, epsilonsql.Range(interval))
	}
	rows, err := db.QueryContext(t.Context(), "SELECT a.id, a.at, b.id, a.at && b.at, a.at << b.at, a.at * b.at FROM event a CROSS JOIN event b")
	require.NoError(t, err)
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var a, b int
		var overlaps, before bool
		var r epsilonsql.Range
		var common string
		require.NoError(t, rows.Scan(&a, &r, &b, &overlaps, &before, &common))
		require.Equal(t, all[a], truetime.Interval(r))
		require.Equal(t, all[a].Overlaps(all[b]), overlaps)
		require.Equal(t, all[a].Before(all[b].Earliest), before)
		want, ok := all[a].Intersect(all[b])
		require.Equal(t, ok, common != "empty")
		if ok {
			require.NoError(t, r.Scan(common))
			require.Equal(t, want, truetime.Interval(r))
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, len(all)*len(all), n)

	exec1(t, db, "INSERT INTO event VALUES (99, $1)", sql.Null[epsilonsql.Range]{})
	var none sql.Null[epsilonsql.Range]
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT at FROM event WHERE id = 99").Scan(&none))
	require.False(t, none.Valid)
	for _, wrong := range []string{"empty", "[5,)", "(,5]", "(,)"} {
		var r epsilonsql.Range
		require.Error(t, db.QueryRowContext(t.Context(), "SELECT $1::int8range", wrong).Scan(&r), wrong)
	}
}

// A range of timestamps is one of microseconds: what it gives back does not contain what it was given.
func TestATstzrangeLosesNanoseconds(t *testing.T) {
	db := newDatabase(t, epsilonsql.PostgreSQL)
	var lost bool
	require.NoError(t, db.QueryRowContext(t.Context(),
		"SELECT NOT tstzrange('2026-11-30 12:00:00.0000004Z', '2026-11-30 12:00:00.0000014Z', '[]') @> '2026-11-30 12:00:00.0000016Z'::timestamptz").Scan(&lost))
	require.True(t, lost, "the last was within it by less than a microsecond, and is rounded out of it")
}

// No two events of the table may have happened at the same time, as far as is known.
func TestNoTwoEventsOverlap(t *testing.T) {
	db := newDatabase(t, epsilonsql.PostgreSQL)
	exec1(t, db, "CREATE TABLE event (at INT8RANGE NOT NULL, EXCLUDE USING gist (at WITH &&))")
	const now = truetime.Time(1_800_000_000_123_456_789)
	add := func(from, to truetime.Time) error {
		_, err := db.ExecContext(t.Context(), "INSERT INTO event VALUES ($1)", epsilonsql.Range{Earliest: from, Latest: to})
		return err
	}
	require.NoError(t, add(now, now+10))
	require.ErrorContains(t, add(now+10, now+20), "exclusion constraint")
	require.NoError(t, add(now+11, now+20))
	require.ErrorContains(t, add(now-5, now+30), "exclusion constraint")
	require.NoError(t, add(now-5, now-1))
}

func TestRangesThatAreNoIntervals(t *testing.T) {
	for _, wrong := range []epsilonsql.Range{{}, {Earliest: 2, Latest: 1}, {Earliest: 1, Latest: math.MaxInt64}} {
		_, err := wrong.Value()
		require.Error(t, err, wrong)
	}
	for _, wrong := range []any{
		"", "empty", "[", "[,]", "[1,2", "1,2]", "[1,2,3]", "[a,b)", "[2,1]", "[2,2)", "(2,2)", "[0,0]", "[0,1)", "(9223372036854775807,9223372036854775807]",
		"[-9223372036854775808,-9223372036854775808)", "[1 ,2]", "{1,2}", "[9223372036854775808,9223372036854775809]", nil, 5, time.Now(), []byte("[1]"),
	} {
		r := epsilonsql.Range{Earliest: 3, Latest: 4}
		require.Error(t, r.Scan(wrong), "%v", wrong)
		require.Equal(t, epsilonsql.Range{Earliest: 3, Latest: 4}, r)
	}
}

func TestRangesComeBack(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		a, b := truetime.Time(random.Uint64()), truetime.Time(random.Uint64())
		want := epsilonsql.Range{Earliest: min(a, b), Latest: max(a, b)}
		if want.Latest == math.MaxInt64 || want == (epsilonsql.Range{}) {
			continue
		}
		text, err := want.Value()
		require.NoError(t, err)
		var got epsilonsql.Range
		require.NoError(t, got.Scan(text))
		require.Equal(t, want, got)
		require.NoError(t, got.Scan([]byte(fmt.Sprintf("[%d,%d)", int64(want.Earliest), int64(want.Latest)+1))))
		require.Equal(t, want, got)
		if want.Earliest > math.MinInt64 {
			require.NoError(t, got.Scan(fmt.Sprintf("(%d,%d]", int64(want.Earliest)-1, int64(want.Latest))))
			require.Equal(t, want, got)
		}
	}
}
