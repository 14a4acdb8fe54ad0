package ntpsrc

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/truetime"
)

// chronyField is the field in which a chronyd states its root delay and root dispersion.
func chronyField(delay, dispersion uint32) []byte {
	body := chronyQuestion()
	binary.BigEndian.PutUint32(body[4:], delay)
	binary.BigEndian.PutUint32(body[8:], dispersion)
	copy(body[12:], "a time stamp")
	return extension.Append(nil, chronyKind, body)
}

const wholeUnit = chronyUnit / headerUnit // of the header, in units of chrony's field

// stamped is a header that claims some ms, with its two stamps.
var stamped = header{precision: -25, rootDelay: 131, rootDispersion: 66, received: 4_005_000_000 << 32, transmitted: 4_005_000_000<<32 + 1000}

// endsAt are the ends of an interval, so far outside of the stamps of the header.
func endsAt(h header, after, before time.Duration) extension.Bounds {
	units := func(d time.Duration) uint64 { return uint64(d) << 32 / uint64(time.Second) }
	return extension.Bounds{Latest: uint64(h.received) + units(after), Earliest: uint64(h.transmitted) - units(before)}
}

func TestFieldThatAgreesWithTheHeaderCounts(t *testing.T) {
	mac, ends := make([]byte, 20), extension.AppendBounds(nil, endsAt(stamped, 2*time.Millisecond, 2*time.Millisecond))
	other := extension.Append(nil, 0xF501, make([]byte, 12))
	for name, c := range map[string]struct {
		fields []byte
		least  time.Duration
		most   time.Duration
	}{
		"root fields as in the header":     {chronyField(131*wholeUnit, 66*wholeUnit), 2_006_532, 2_006_600},
		"rounded up by nearly a unit":      {chronyField(130*wholeUnit+1, 65*wholeUnit+1), 1_983_643, 1_983_710},
		"rounded down by nearly a unit":    {chronyField(132*wholeUnit-1, 67*wholeUnit-1), 2_029_412, 2_029_490},
		"ends":                             {ends, 2_000_000, 2_000_003},
		"ends, of which one is farther":    {extension.AppendBounds(nil, endsAt(stamped, 1_990_000, 2_010_000)), 2_010_000, 2_010_003},
		"ends, of which one is nearer":     {extension.AppendBounds(nil, endsAt(stamped, 2_010_000, 1_990_000)), 2_010_000, 2_010_003},
		"behind a field that nobody knows": {append(bytes.Clone(other), ends...), 2_000_000, 2_000_003},
		"before a MAC":                     {append(bytes.Clone(ends), mac...), 2_000_000, 2_000_003},
		"before a MAC of SHA-1":            {append(bytes.Clone(ends), make([]byte, 24)...), 2_000_000, 2_000_003},
		"before what is no field":          {append(bytes.Clone(ends), 1, 2, 3), 2_000_000, 2_000_003},
	} {
		e, finer, err := stamped.finest(c.fields)
		require.NoError(t, err, name)
		require.True(t, finer, name)
		require.GreaterOrEqual(t, e, c.least, name)
		require.LessOrEqual(t, e, c.most, name)
		require.LessOrEqual(t, e, stamped.claim(), name)
	}
}

// What the precision of the stamps adds is in no field of chrony's.
func TestPrecisionIsAddedToRootFields(t *testing.T) {
	h := stamped
	h.precision = -10
	e, finer, err := h.finest(chronyField(131*wholeUnit, 66*wholeUnit))
	require.NoError(t, err)
	require.True(t, finer)
	require.GreaterOrEqual(t, e, 2_006_502+976_563*time.Nanosecond)
	require.LessOrEqual(t, e, 2_006_570+976_563*time.Nanosecond)
}

func TestFieldThatSaysNothingLeavesTheHeadersClaim(t *testing.T) {
	ends := extension.AppendBounds(nil, endsAt(stamped, 2*time.Millisecond, 2*time.Millisecond))
	changed := func(field []byte, at int, to byte) []byte {
		field = bytes.Clone(field)
		field[at] = to
		return field
	}
	for name, fields := range map[string][]byte{
		"none":                        {},
		"the question":                appendQuestions(nil),
		"another magic":               changed(ends, 4, 1),
		"another version":             changed(ends, 11, 2),
		"another type":                changed(ends, 1, 0xB6),
		"another magic of chrony's":   changed(chronyField(131*wholeUnit, 66*wholeUnit), 4, 1),
		"a longer one":                extension.Append(nil, extension.BoundsKind, append(bytes.Clone(ends[4:]), 0, 0, 0, 0)),
		"a shorter one":               extension.Append(nil, extension.BoundsKind, ends[4:24]),
		"truncated":                   ends[:24],
		"a length of 0":               changed(ends, 3, 0),
		"a length beyond the reply":   changed(ends, 3, 32),
		"a length of 30":              changed(append(bytes.Clone(ends), 0, 0), 3, 30),
		"behind an authenticator":     append(extension.Append(nil, extension.NTSAuthenticator, make([]byte, 40)), ends...),
		"behind what is no field":     append([]byte{0, 0, 0, 0}, ends...),
		"more than can be said":       chronyField(1<<32-1, 1<<32-1),
		"more dispersion than can be": chronyField(131*wholeUnit, 1<<32-1),
	} {
		e, finer, err := stamped.finest(fields)
		require.NoError(t, err, name)
		require.False(t, finer, name)
		require.Equal(t, stamped.claim(), e, name)
	}
}

func TestReplyThatContradictsItselfIsRefused(t *testing.T) {
	ends := func(after, before time.Duration) []byte {
		return extension.AppendBounds(nil, endsAt(stamped, after, before))
	}
	most := stamped.claim()
	least := inUnits(130, 2*headerUnit) + inUnits(65, headerUnit)
	for name, fields := range map[string][]byte{
		"less root delay":                  chronyField(130*wholeUnit-1, 66*wholeUnit),
		"more root delay":                  chronyField(132*wholeUnit+1, 66*wholeUnit),
		"less root dispersion":             chronyField(131*wholeUnit, 65*wholeUnit-1),
		"more root dispersion":             chronyField(131*wholeUnit, 67*wholeUnit+1),
		"nothing claimed":                  chronyField(0, 0),
		"an upper end that is too near":    ends(least-3, 2*time.Millisecond),
		"a lower end that is too near":     ends(2*time.Millisecond, least-3),
		"an upper end that is too far":     ends(most+2, 2*time.Millisecond),
		"a lower end that is too far":      ends(2*time.Millisecond, most+2),
		"ends the other way round":         extension.AppendBounds(nil, extension.Bounds{Latest: uint64(stamped.transmitted) - 1<<23, Earliest: uint64(stamped.received) + 1<<23}),
		"ends in another century":          extension.AppendBounds(nil, extension.Bounds{Latest: uint64(stamped.received) + 1<<63, Earliest: uint64(stamped.received) + 1<<63}),
		"one end alone":                    extension.AppendBounds(nil, extension.Bounds{Latest: endsAt(stamped, 2*time.Millisecond, 0).Latest}),
		"two fields of one kind":           append(ends(2*time.Millisecond, 2*time.Millisecond), ends(2*time.Millisecond, 2*time.Millisecond)...),
		"fields of both kinds":             append(ends(2*time.Millisecond, 2*time.Millisecond), chronyField(131*wholeUnit, 66*wholeUnit)...),
		"a good field and a contradiction": append(ends(2*time.Millisecond, 2*time.Millisecond), ends(0, 0)...),
	} {
		_, _, err := stamped.finest(fields)
		require.ErrorIs(t, err, truetime.ErrUnusable, name)
		require.NotContains(t, err.Error(), "\n")
	}
	_, _, err := stamped.finest(chronyField(0, 0))
	require.ErrorContains(t, err, "the server contradicts itself: its root delay and root dispersion are 0s and 0s in an extension field, and 1.99")
	_, _, err = stamped.finest(ends(time.Second, 0))
	require.ErrorContains(t, err, "true time was at most 1.000000001s after its receive stamp and at least 1ns before its transmit stamp, by an extension field, and the header claims an error of 1.98")
}

// A header that claims nothing cannot have been rounded from less: the ends may be on the stamps, and
// not on their wrong side.
func TestEndIsNeverOnTheWrongSideOfItsStamp(t *testing.T) {
	const ns = 5 // units of 2⁻³² s, and a little more
	h := header{precision: -25, received: 1 << 33, transmitted: 1<<33 + 5}
	e, finer, err := h.finest(extension.AppendBounds(nil, extension.Bounds{Latest: 1 << 33, Earliest: 1<<33 + 5}))
	require.NoError(t, err)
	require.True(t, finer)
	require.Equal(t, 2*time.Nanosecond, e)
	_, _, err = h.finest(extension.AppendBounds(nil, extension.Bounds{Latest: 1<<33 - ns, Earliest: 1<<33 + 5}))
	require.ErrorIs(t, err, truetime.ErrUnusable)
	_, _, err = h.finest(extension.AppendBounds(nil, extension.Bounds{Latest: 1 << 33, Earliest: 1<<33 + 5 + ns}))
	require.ErrorIs(t, err, truetime.ErrUnusable)
}

// By exact arithmetic: both ends that a server states are in what the client concludes, in any era,
// and the client takes off no more than the rounding to nanoseconds.
func TestBothEndsAreInTheFactsOfTheExchange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const unit = 1 << 32
	since1970 := func(s uint64) *big.Rat { // in ns, in the era that timestamp.time takes
		seconds := int64(s >> 32)
		if seconds < 1<<31 {
			seconds += 1 << 32
		}
		r := new(big.Rat).SetFrac(new(big.Int).Mul(new(big.Int).SetUint64(s%unit), big.NewInt(int64(time.Second))), new(big.Int).SetUint64(unit))
		return r.Add(r, new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(seconds-2_208_988_800), big.NewInt(int64(time.Second)))))
	}
	for range 20_000 {
		far := random.Uint64N(1 << (1 + random.IntN(32)))
		near := far - random.Uint64N(min(far, (far+1<<16-1)%(1<<16))+1) // in the same unit of the header
		after, before := far, near
		if random.IntN(2) == 0 {
			after, before = near, far
		}
		received := random.Uint64()
		if random.IntN(4) == 0 {
			received = -random.Uint64N(1 << 34) // around the end of the era in 2036
		}
		if s := received >> 32; s > 1<<31-100 && s < 1<<31+100 {
			continue // where eras are told apart, in 1968 and 2104
		}
		h := header{precision: -25, received: timestamp(received), transmitted: timestamp(received + random.Uint64N(1<<28))}
		b := extension.Bounds{Latest: uint64(h.received) + after, Earliest: uint64(h.transmitted) - before}
		h.rootDispersion = uint32((far + 1<<16 - 1) >> 16)
		if h.rootDispersion > 0 && random.IntN(2) == 0 && far%(1<<16) != 0 {
			h.rootDispersion-- // rounded down
		}
		e, finer, err := h.finest(extension.AppendBounds(nil, b))
		require.NoError(t, err)
		require.True(t, finer)
		x := exchange{t2: h.received.time(), t3: h.transmitted.time(), c4: 1 << 40, resolution: 1}
		sample, err := x.facts(e)
		require.NoError(t, err)
		latest, earliest := new(big.Rat).SetInt64(int64(sample.Latest)), new(big.Rat).SetInt64(int64(sample.Earliest))
		if latest.Cmp(since1970(b.Latest)) < 0 || earliest.Cmp(since1970(b.Earliest)) > 0 {
			t.Fatalf("the server states %x and %x, and the client takes %v and %v", b.Latest, b.Earliest, sample.Latest, sample.Earliest)
		}
		loss := func(own uint64) *big.Rat { // in ns: the roundings, and what the other end is farther by
			r := new(big.Rat).SetFrac(new(big.Int).SetUint64((far-own)*uint64(time.Second)), big.NewInt(unit))
			return r.Add(r, big.NewRat(3, 1))
		}
		require.Negative(t, latest.Sub(latest, since1970(b.Latest)).Cmp(loss(after)), "more than roundings")
		require.Negative(t, since1970(b.Earliest).Cmp(earliest.Add(earliest, loss(before))), "more than roundings")
	}
}

// The same for root delay and root dispersion: what a server knows is in E, and its precision, however it
// rounded the header.
func TestRootFieldsAreRoundedUp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		delay, dispersion := random.Uint32N(1<<28), random.Uint32N(1<<28) // what it knows, in 2⁻³² s
		up := func(n, unit uint32) uint32 { return (n + unit - 1) / unit }
		coarse := func(n uint32) uint32 { return up(n, 1<<16) - random.Uint32N(2)*min(up(n, 1<<16)-n>>16, 1) }
		h := header{precision: int8(-5 - random.IntN(26)), rootDelay: coarse(delay), rootDispersion: coarse(dispersion)}
		e, finer, err := h.finest(chronyField(up(delay, 16), up(dispersion, 16)))
		require.NoError(t, err)
		require.True(t, finer)
		known := big.NewRat(int64(delay)+2*int64(dispersion), 1<<33)
		known.Add(known, big.NewRat(1, 1<<-h.precision))
		known.Mul(known, big.NewRat(int64(time.Second), 1))
		require.Positive(t, new(big.Rat).SetInt64(int64(e)).Cmp(known))
		require.Negative(t, new(big.Rat).SetInt64(int64(e)-20).Cmp(known))
	}
}
