package ntpserver

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/truetime"
)

// exact is a stamp of the era that began in 1900, in seconds since 1970.
func exact(s stamp) *big.Rat {
	r := new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(s)), new(big.Int).Lsh(big.NewInt(1), 32))
	return r.Sub(r, big.NewRat(2_208_988_800, 1))
}

func seconds(t truetime.Time) *big.Rat { return big.NewRat(int64(t), int64(time.Second)) }

func bound(c claim) *big.Rat { return big.NewRat(int64(c.dispersion), 1<<16) }

// Both facts that a client concludes are true, in exact arithmetic, and no more is claimed than one
// unit of the field.
func TestWhatAReplyClaimsFollowsFromTheInterval(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		width := random.Int64N(int64(1) << random.IntN(35))
		if random.IntN(2) == 0 {
			// So that E without its rounding is a whole number of units, 128 of which are 1 953 125 ns.
			width = 2*(1_953_125*(1+random.Int64N(8000))-1) - random.Int64N(2)
		}
		i := truetime.Interval{Earliest: truetime.Time(1 + random.Int64N(2_000_000_000_000_000_000))}
		i.Latest = i.Earliest + truetime.Time(width)
		var passed time.Duration
		if random.IntN(2) == 0 {
			passed = time.Duration(random.Int64N(int64(3 * time.Second)))
		}
		j := i // before the reply: a moment later, and known better or worse
		switch random.IntN(4) {
		case 1:
			j.Earliest, j.Latest = i.Earliest.Add(time.Duration(random.Int64N(100_000))), i.Latest.Add(time.Duration(random.Int64N(100_000)))
			j.Latest = max(j.Latest, j.Earliest)
		case 2: // in another epoch, and known better now
			if width > 10 {
				j.Earliest = i.Earliest.Add(-time.Duration(min(random.Int64N(int64(width)/2), int64(i.Earliest)-1)))
				j.Latest = j.Earliest.Add(time.Duration(random.Int64N(int64(width) / 2)))
			}
		case 3: // in another epoch, and known worse
			j.Earliest = i.Earliest.Add(-time.Duration(min(random.Int64N(int64(time.Second)), int64(i.Earliest)-1)))
		}
		c, ok := newClaim(i, j)
		wider := max(i.Uncertainty(), j.Uncertainty(), truetime.Interval{Earliest: min(j.Earliest, i.Latest), Latest: i.Latest}.Uncertainty())
		require.Equal(t, wider <= 16*time.Second, ok)
		if !ok {
			continue
		}
		received := c.received(passed)
		upper := new(big.Rat).Add(exact(received), bound(c))
		lower := new(big.Rat).Sub(exact(c.transmitted), bound(c))
		if upper.Cmp(seconds(i.Latest.Add(-passed))) < 0 || lower.Cmp(seconds(j.Earliest)) > 0 {
			t.Fatalf("%v, %v ago: T2 %v, T3 %v, E %v", i, passed, received, c.transmitted, c.dispersion)
		}
		require.LessOrEqual(t, received, c.transmitted)
		most := new(big.Rat).Add(seconds(truetime.Time(wider+stampRounding)), big.NewRat(1, 1<<16))
		require.Negative(t, bound(c).Cmp(most), "more than needed")

		// The ends that are told to whoever asks, and what a client takes for granted about them: each is
		// within E of its stamp, and short of that by less than what E was rounded up by.
		b := c.bounds(passed)
		require.Equal(t, 1, exact(stamp(b.Latest)).Cmp(seconds(i.Latest.Add(-passed))))
		require.LessOrEqual(t, exact(stamp(b.Earliest)).Cmp(seconds(j.Earliest)), 0)
		for _, away := range []uint64{b.Latest - uint64(received), uint64(c.transmitted) - b.Earliest} {
			require.LessOrEqual(t, away, uint64(c.dispersion)<<16)
			require.GreaterOrEqual(t, away+5, uint64(max(c.dispersion, 1)-1)<<16, "5 units of 2⁻³² s are more than 1 ns")
		}
	}
}

// The stamps of an era that begins are not moved to 1 among the ends: that would be late.
func TestEndsGoOnIntoTheNextEra(t *testing.T) {
	begins := truetime.FromStd(time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC))
	c, ok := newClaim(truetime.Interval{Earliest: begins, Latest: begins}, truetime.Interval{Earliest: begins, Latest: begins})
	require.True(t, ok)
	require.Equal(t, extension.Bounds{Latest: 1, Earliest: 0}, c.bounds(0))
	require.Equal(t, stamp(1), c.transmitted)
}

func TestAnIntervalThatIsNoneIsNoClaim(t *testing.T) {
	for _, i := range []truetime.Interval{
		{},
		{Earliest: 2, Latest: 1},
		{Earliest: -1 << 63, Latest: 1<<63 - 1},
		{Earliest: 1, Latest: 1 + truetime.Time(32*time.Second) + 1},
	} {
		_, ok := newClaim(i, i)
		require.False(t, ok, "%v", i)
	}
	i := truetime.Interval{Earliest: 1, Latest: 1 + truetime.Time(32*time.Second)}
	_, ok := newClaim(i, i)
	require.True(t, ok)
}

func TestStampsGoOnIntoTheNextEra(t *testing.T) {
	at := func(text string) truetime.Time {
		s, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return truetime.FromStd(s)
	}
	for text, want := range map[string]stamp{
		"1970-01-01T00:00:00Z":           2_208_988_800 << 32,
		"1900-01-01T00:00:00.5Z":         1 << 31,
		"1899-12-31T23:59:59.75Z":        1<<64 - 1<<30,
		"2036-02-07T06:28:15.999999999Z": 1<<64 - 5,
		"2036-02-07T06:28:16Z":           1, // 0 would be "not stamped"
		"2036-02-07T06:28:17Z":           1 << 32,
		"2026-11-30T04:00:00.000000001Z": 4_005_000_000<<32 | 4,
	} {
		require.Equal(t, want, stampOf(at(text)), text)
	}
}

func TestAnIntervalThatIsNoneIsNotServed(t *testing.T) {
	good := truetime.Interval{Earliest: 1_000_000_000, Latest: 1_000_000_100}
	_, ok := newClaim(good, good)
	require.True(t, ok)
	_, ok = newClaim(truetime.Interval{}, good)
	require.False(t, ok)
	_, ok = newClaim(good, truetime.Interval{})
	require.False(t, ok)
}
