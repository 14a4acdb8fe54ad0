package leap

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func anyVoter(t *rapid.T, liar bool) voter {
	says := rapid.SampledFrom([]func(*world) Say{nil, honest, constantly(Nothing)}).Draw(t, "says")
	v := voter{scale: rapid.SampledFrom([]Scale{ScaleUTC, ScaleUTC, ScaleUTCSmeared}).Draw(t, "scale"), says: says}
	if v.scale == ScaleUTCSmeared {
		v.says = nil
	}
	if liar {
		v.says = constantly(Say(rapid.IntRange(0, 3).Draw(t, "lie")))
		shift := rapid.SampledFrom([]int64{-2e9, -1e9, -3e8, 0, 3e8, 1e9, 2e9}).Draw(t, "shift")
		from := rapid.Int64Range(-30, 30).Draw(t, "from") * 3600 * second
		v.lie = func(w *world, truly int64) int64 {
			if int64(w.at-w.leap()) < from {
				return truly
			}
			return truly + shift
		}
	}
	return v
}

// It lives through the ends of months with any mix of honest sources, of liars no more
// than f, of silences, of tables that come at any time, and of epochs that end at any time.
func TestRandomWorldsContainTheTruthAndNeverGoBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		delta := rapid.IntRange(-1, 1).Draw(rt, "delta")
		n := rapid.IntRange(1, 5).Draw(rt, "voters")
		faulty := rapid.IntRange(0, (n-1)/2).Draw(rt, "faulty")
		var voters []voter
		for i := range n {
			voters = append(voters, anyVoter(rt, i < faulty))
		}
		u := rapid.SampledFrom([]UTC{date(2027, 7, 1), date(2027, 8, 1), date(2027, 12, 1), date(2028, 1, 1)}).Draw(rt, "the end of which month")
		w := newWorld(t, BuiltIn(), u, delta, faulty, voters...)
		w.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		w.step = 1500 * second
		w.epsilon = rapid.SampledFrom([]int64{1e4, 5e6, 1e8, 2e9}).Draw(rt, "epsilon")
		quiet := rapid.Int64Range(-30, 40).Draw(rt, "quiet from") * 3600 * second
		loud := quiet + rapid.Int64Range(0, 60).Draw(rt, "quiet hours")*3600*second
		w.mute = func(c TAI) bool { x := int64(c - w.leap()); return quiet <= x && x < loud }
		if rapid.Bool().Draw(rt, "a table comes") {
			table := with(date(2028, 6, 28))
			if delta != 0 {
				table = with(date(2028, 6, 28), decision{u, delta})
			}
			w.learn = map[UTC]*Table{UTC(rapid.IntRange(-30, 30).Draw(rt, "hour of the table")): table}
		}
		hour := rapid.Int64Range(-40, 5).Draw(rt, "begin")
		w.at = w.leap() + TAI(hour*3600*second+1800*second)
		require.NoError(rt, w.restart())
		for range rapid.IntRange(0, 2).Draw(rt, "restarts") {
			hour += rapid.Int64Range(1, 30).Draw(rt, "epoch")
			require.NoError(rt, w.resume(hour))
			if abs(int64(w.at-w.leap())) > 10*second {
				require.NoError(rt, w.restart())
			}
		}
		require.NoError(rt, w.resume(50))
		if loud < 40*3600*second {
			require.LessOrEqual(rt, w.end(), Smeared(1), "n−f have shown what has happened")
		}
	})
}
