package truetime

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// authentic is a fake that says who it is.
type authentic struct{ *fake }

func (a authentic) Info() SourceInfo { return SourceInfo{Name: a.name, Authenticated: true} }

func asAuthentic(all []*fake) (sources []Source) {
	for _, f := range all {
		sources = append(sources, authentic{f})
	}
	return sources
}

// Whoever can forge one unauthenticated reply can forge them all. Here they are the majority, agree with
// each other, and are either far off or try to cut the interval off the truth.
func TestForgedMajorityMovesNothingUnderRequireAuthenticated(t *testing.T) {
	for name, offset := range map[string]time.Duration{"far off": time.Hour, "on the edge": 1100 * time.Microsecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				honest, forged := fakes(3), fakes(8)[3:]
				for _, f := range forged {
					f.offset, f.claim = offset, time.Nanosecond
				}
				sources := append(asSources(forged), asAuthentic(honest)...)
				c := start(t, sources, WithRequireAuthenticated(), WithCounter(newBubbleCounter(150)))
				narrowest := time.Hour
				for range 100 {
					pass(time.Second)
					narrowest = min(narrowest, requireTruth(t, c).Width())
				}
				// Each honest source allows [−1.1 ms, +1.1 ms] at the moment of its sample.
				require.GreaterOrEqual(t, narrowest, 2200*time.Microsecond, "nobody has narrowed it")

				s := c.Status()
				require.Equal(t, 3, s.Voters)
				require.Equal(t, 1, s.Faulty)
				require.EqualValues(t, 1, s.Epoch)
				for i, source := range s.Sources {
					require.Equal(t, i >= 5, source.Authenticated)
					require.Equal(t, i < 5, source.NoVote)
					require.True(t, source.Interval.Valid(), "shown")
					want := Truechimer
					if i < 5 && offset == time.Hour {
						want = Falseticker
					}
					require.Equal(t, want, source.Verdict, "%+v", source)
				}
			})
		})
	}
}

// Without the option an authenticated source is one among others.
func TestEverySourceVotesByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := append(asSources(fakes(3)), authentic{newFake("x")}, newFake("y"))
		c := start(t, sources)
		pass(10 * time.Second)
		require.Equal(t, 5, c.Status().Voters)
		for i, s := range c.Status().Sources {
			require.Equal(t, i == 3, s.Authenticated)
			require.False(t, s.NoVote)
		}
	})
}

// Unauthenticated sources that answer are no answer, and keep no clock out of holdover.
func TestUnauthenticatedSourcesDoNotCountAsVoters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		honest := fakes(3)
		for _, f := range honest {
			f.silent = true
		}
		others := append(asSources(fakes(6)[3:]), newFake("y"))
		c := start(t, append(asAuthentic(honest), others...), WithRequireAuthenticated())
		pass(20 * time.Second)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.Contains(t, c.Status().Summary(), "0 of 3 voters heard, and 2 are needed")

		for _, f := range honest {
			f.change(func() { f.silent = false })
		}
		pass(20 * time.Second)
		require.Equal(t, Synchronized, c.Status().State)
		for _, f := range honest[1:] {
			f.change(func() { f.fail = errors.New("gone") })
		}
		pass(time.Minute)
		require.Equal(t, Holdover, c.Status().State)
		require.Contains(t, c.Status().Summary(), "1 of 3 voters answer, and 2 are needed to end the holdover")
		requireTruth(t, c)
	})
}

// One machine is asked in both ways. The forgeable one came first, and takes nobody's place.
func TestUnauthenticatedSourceOfTheSamePeerTakesNoVoteAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, sealed := newFake("plain"), newFake("sealed")
		plain.peer, sealed.peer = "192.0.2.7:123", "192.0.2.7:123"
		sealed.silent = true
		c := start(t, []Source{plain, authentic{sealed}}, WithRequireAuthenticated())
		pass(10 * time.Second)
		sealed.change(func() { sealed.silent = false })
		pass(20 * time.Second)
		requireTruth(t, c)
		for _, s := range c.Status().Sources {
			require.NoError(t, s.Err)
			require.Equal(t, Truechimer, s.Verdict)
		}
	})
}

func TestGroupVotesByItsAuthenticatedMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forged := fakes(3)
		for _, f := range forged {
			f.offset = time.Hour
		}
		mixed := append(asSources(forged), authentic{newFake("x")}, authentic{newFake("y")})
		sources := append(Group("g", mixed...), authentic{newFake("z")})
		c := start(t, sources, WithRequireAuthenticated())
		pass(10 * time.Second)
		requireTruth(t, c)
		require.Equal(t, 2, c.Status().Voters)
		require.Equal(t, Falseticker, c.Status().Sources[0].Verdict)
		require.Equal(t, Truechimer, c.Status().Sources[3].Verdict)
	})
}

func TestRequireAuthenticatedWithoutAnyIsAMistake(t *testing.T) {
	_, err := New(append(asSources(fakes(2)), newFake("y")), WithRequireAuthenticated())
	require.ErrorContains(t, err, "none of the sources is authenticated")
	_, err = New(append(asSources(fakes(4)), authentic{newFake("x")}), WithRequireAuthenticated(), WithFaulty(1))
	require.ErrorContains(t, err, "1 faulty of 1 voters")
}

func TestRecordingWithoutVotesReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writer{}
		forged := fakes(3)
		forged[0].offset = time.Hour
		c := start(t, append(asSources(forged), authentic{newFake("x")}), WithRequireAuthenticated(), WithRecorder(w))
		pass(time.Minute)
		require.NoError(t, c.Close())
		require.NoError(t, journal.Replay(&w.text, nil))
	})
}
