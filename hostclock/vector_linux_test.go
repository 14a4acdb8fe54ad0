package hostclock

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/published"
	"github.com/epsilontime/epsilon/truetime"
)

// vector is the segment of docs/segment.md.
func vector() (header, record) {
	h := header{writer: 0x1122334455667788, monotonic: 0, boottime: 0}
	for i := range h.boot {
		h.boot[i] = byte(i)
	}
	const second = 1_000_000_000
	r := record{at: 5 * second, Record: published.Record{
		State: uint8(truetime.Synchronized), Answers: true, Epoch: 3, MaxWidth: math.MaxInt64,
		Shown: line.Pair{
			Meter: line.Nanoseconds, From: 4 * second,
			Lower: line.Edge{At: 4 * second, Time: 1_800_000_000 * second, Rate: 0x7ff9710d13e78f57, Until: 64_804 * second, Ends: true, After: 0x7ff90fed88d4a0a1},
			Upper: line.Edge{At: 3 * second, Time: 1_799_999_999*second + 250_000, Rate: 0x80068ef2ec1870ab, Until: 64_804 * second, Ends: true, After: 0x8006f01b6a4ce0d2},
		},
		TAI: line.Pair{
			Meter: line.Nanoseconds, From: 4 * second,
			Lower: line.Edge{At: 4 * second, Time: 1_800_000_037 * second, Rate: 0x7ff9710d13e78f57, Until: 1 << 60, Ends: true, After: 0x7ff9710d13e78f57},
			Upper: line.Edge{At: 3 * second, Time: 1_800_000_036*second + 250_000, Rate: 0x80068ef2ec1870ab, Until: 1 << 60, Ends: true, After: 0x80068ef2ec1870ab},
		},
		TAIKnown: true, TAIUntil: math.MaxInt64,
		LeapStatus: uint8(truetime.LeapStatusNone),
		VM:         true, Marker: 42,
		Counter: localcounter.Witness{
			Clocksource: localcounter.ClocksourceID("kvm-clock"), SuspensionKnown: true,
			SuspendedLeast: -10 * time.Nanosecond, SuspendedMost: 20 * time.Nanosecond,
		},
	}}
	return h, r
}

// answers are what docs/segment.md says of the vector at some readings, worked out there step by step.
var answers = []struct {
	raw              uint64
	earliest, latest int64
}{
	{4_000_000_000, 1_800_000_000_000_000_000, 1_800_000_000_000_450_146},
	{5_000_000_000, 1_800_000_000_999_799_853, 1_800_000_001_000_650_292},
	{100_000_000_000_000, 1_800_099_975_578_670_928, 1_800_100_016_421_925_897},
}

func TestTheTestVectorIsWhatIsWritten(t *testing.T) {
	h, r := vector()
	words := segmentOf(h, r)
	var bytes []byte
	for _, w := range words {
		bytes = binary.LittleEndian.AppendUint64(bytes, w)
	}
	part := func(word, words int) (lines string) {
		for at := word * 8; at < (word+words)*8; at += 16 {
			lines += hex.EncodeToString(bytes[at:at+8]) + " " + hex.EncodeToString(bytes[at+8:min(at+16, (word+words)*8)]) + "\n"
		}
		return strings.ReplaceAll(lines, " \n", "\n")
	}
	want := part(0, wordGeneration+2) + "\n" + part(slot(1), recordWords)
	text, err := os.ReadFile("../docs/segment.md")
	require.NoError(t, err)
	require.Contains(t, string(text), want, "the vector is\n%s", want)

	decoded, err := decodeHeader((*[wordGeneration]uint64)(words[:]))
	require.NoError(t, err)
	require.Equal(t, h, decoded)
	again, err := decodeRecord((*[recordWords]uint64)(words[slot(1):]), 1)
	require.NoError(t, err)
	r.Shown.Span, r.TAI.Span = 64_800_000_000_000, 1<<60-4_000_000_000
	require.Equal(t, r, again)
	for _, a := range answers {
		earliest, latest, ok := again.Shown.Late(a.raw)
		require.True(t, ok)
		require.Equal(t, [2]int64{a.earliest, a.latest}, [2]int64{earliest, latest}, "at %d", a.raw)
	}
}

// Every field of a record comes back.
func TestARecordIsReadAsItWasWritten(t *testing.T) {
	rng := newRand()
	for range 1000 {
		r := truthful(rng, rng.Uint64N(1<<60)+1<<30)
		r.State, r.Epoch, r.MaxWidth, r.stopped = uint8(rng.IntN(5)), rng.Uint64(), rng.Uint64(), rng.IntN(2) == 0
		r.VM, r.Marker, r.LeapStatus, r.LeapAt = rng.IntN(2) == 0, rng.Uint64(), uint8(rng.IntN(256)), int64(rng.Uint64())
		r.TAIUntil = int64(rng.Uint64())
		r.Counter = localcounter.Witness{
			Hardware: hardwareCounter != 0 && rng.IntN(2) == 0, Multiplier: rng.Uint64(), Up: uint(rng.IntN(64)), Clocksource: rng.Uint64(),
			SuspensionKnown: rng.IntN(2) == 0, SuspendedLeast: time.Duration(rng.Uint64()), SuspendedMost: time.Duration(rng.Uint64()),
			Compared: rng.IntN(2) == 0, Before: rng.Uint64(), After: rng.Uint64(), Raw: int64(rng.Uint64()), Low: rng.NormFloat64(), High: rng.NormFloat64(),
		}
		generation := rng.Uint64()
		words := r.words(generation)
		again, err := decodeRecord(&words, generation)
		require.NoError(t, err)
		r.Shown.Span, r.TAI.Span = again.Shown.Span, again.TAI.Span
		require.Equal(t, r, again)
	}
}
