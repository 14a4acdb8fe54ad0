package truetime

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestIntervalRelations(t *testing.T) {
	i := Interval{10, 20}
	require.True(t, i.Valid())
	require.False(t, Interval{}.Valid())
	require.False(t, Interval{20, 10}.Valid())
	require.True(t, i.Contains(10) && i.Contains(20))
	require.False(t, i.Contains(9) || i.Contains(21))
	require.True(t, i.After(9), "9 has certainly passed")
	require.False(t, i.After(10))
	require.True(t, i.Before(21), "21 has certainly not arrived")
	require.False(t, i.Before(20))

	require.True(t, i.Overlaps(Interval{20, 30}))
	require.False(t, i.Overlaps(Interval{21, 30}))
	both, ok := i.Intersect(Interval{15, 30})
	require.True(t, ok)
	require.Equal(t, Interval{15, 20}, both)
	_, ok = i.Intersect(Interval{21, 30})
	require.False(t, ok)
}

func TestUncertaintyIsHalfTheWidthRoundedUp(t *testing.T) {
	require.Equal(t, time.Duration(5), Interval{10, 20}.Uncertainty())
	require.Equal(t, time.Duration(6), Interval{10, 21}.Uncertainty())
	require.Equal(t, Time(15), Interval{10, 21}.Midpoint())
	require.Equal(t, time.Duration(math.MaxInt64), Interval{math.MinInt64, math.MaxInt64}.Width())
}

func TestTimeConversions(t *testing.T) {
	std := time.Date(2026, 11, 20, 9, 37, 48, 123456789, time.FixedZone("", 3600))
	require.True(t, FromStd(std).Std().Equal(std))
	require.Equal(t, "2026-11-20T08:37:48.123456789Z", FromStd(std).String())
	require.Equal(t, time.UTC, FromStd(std).Std().Location())
	require.Equal(t, Time(math.MaxInt64), FromStd(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)))
	require.Equal(t, Time(math.MinInt64), FromStd(time.Time{}))
	require.True(t, Time(0).IsZero())

	a := FromStd(std)
	require.Equal(t, time.Hour, a.Add(time.Hour).Sub(a))
	require.Equal(t, Time(math.MaxInt64), a.Add(math.MaxInt64))
	require.True(t, a.Before(a+1) && (a+1).After(a))
	require.Equal(t, []int{-1, 0, 1}, []int{a.Compare(a + 1), a.Compare(a), (a + 1).Compare(a)})
}

func TestIntervalTextAndJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		earliest := rapid.Int64().Draw(t, "earliest")
		want := Interval{Time(earliest), Time(rapid.Int64Min(earliest).Draw(t, "latest"))}
		text, err := json.Marshal(want)
		require.NoError(t, err)
		var got Interval
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got)
	})
}

func FuzzIntervalText(f *testing.F) {
	for _, seed := range []string{
		"2026-11-20T08:37:48.000000001Z/2026-11-20T08:37:48.000000002Z",
		"2026-11-20T08:37:48Z/2026-11-20T08:37:47Z", "/", "", "a/b", "9999-12-31T23:59:59Z/9999-12-31T23:59:59Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var i Interval
		if i.UnmarshalText([]byte(text)) != nil {
			if i != (Interval{}) {
				t.Fatalf("a failed decode left %v", i)
			}
			return
		}
		out, err := i.MarshalText()
		var again Interval
		if err != nil || again.UnmarshalText(out) != nil || again != i || i.Earliest > i.Latest {
			t.Fatalf("%q gave %v, then %q and %v", text, i, out, again)
		}
	})
}

func TestBadIntervalTextIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-20T08:37:48Z":                      "is not of the form earliest/latest",
		"yesterday/2026-11-20T08:37:48Z":            "earliest end of interval",
		"2026-11-20T08:37:48Z/tomorrow":             "latest end of interval",
		"2026-11-20T08:37:48Z/2026-11-20T08:37:47Z": "ends before it begins",
		"2026-11-20T08:37:48Z/3026-11-20T08:37:47Z": "outside the years 1678 to 2262",
	} {
		var i Interval
		require.ErrorContains(t, i.UnmarshalText([]byte(text)), want)
	}
}
