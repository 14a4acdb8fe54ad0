package ntpsrc

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

var errUnused = errors.New("the clock could not use it")

// What a clock tells a source whose last poll came to nothing.
var silence = truetime.PollInfo{Verdict: truetime.Silent, Unused: errUnused}

func TestAServerThatHasNotVotedIsLeftAtTheNextPoll(t *testing.T) {
	b := newPoolBed(t, 4, 1)
	b.kill(t, b.answer[:2]...)
	for i := range 2 {
		_, err := b.askAs(t, 0, silence)
		require.ErrorContains(t, err, "nothing listens at "+b.answer[i].String())
	}
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.Equal(t, b.answer[2], a)
	require.Equal(t, 1, b.lookups, "the name had more")
}

func TestAServerThatHasVotedKeepsItsPlaceHoweverLongItIsSilent(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	voter, err := b.ask(t, 0)
	require.NoError(t, err)
	_, err = b.ask(t, 0) // the clock has used it
	require.NoError(t, err)
	b.kill(t, voter)
	for range 100 {
		b.time = b.time.Add(24 * time.Hour)
		a, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, voter, a)
	}
	b.revive(t, voter)
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.Equal(t, voter, a)
}

// A wrapper may answer for the source, or nobody may say what became of an answer: then it counts
// as used.
func TestAnAnswerOfWhichNobodySaysWhatBecameOfItCountsAsUsed(t *testing.T) {
	b := newPoolBed(t, 2, 1)
	_, err := b.sources[0].Sample(t.Context(), b.counter)
	require.NoError(t, err)
	voter := b.has(0)
	b.kill(t, voter)
	for range 20 {
		_, err := b.sources[0].Sample(t.Context(), b.counter)
		require.Error(t, err)
		require.Equal(t, voter, b.has(0))
	}
}

func TestAServerWhoseAnswersAreNotUsedIsLeft(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	for _, want := range b.answer {
		a, err := b.askAs(t, 0, truetime.PollInfo{Unused: errUnused})
		require.NoError(t, err)
		require.Equal(t, want, a)
	}
	a, err := b.askAs(t, 0, truetime.PollInfo{Unused: errUnused})
	require.NoError(t, err)
	require.Equal(t, b.answer[0], a, "all have been asked in vain, and it is the turn of the first again")
}

// Each of these is an answer, and none of them can be used. It may be forged, too.
func TestAnswersThatCannotBeUsedAreSilence(t *testing.T) {
	for name, behavior := range map[string]ntptest.Behavior{
		"refused service":  {Kiss: "DENY"},
		"asked to slow":    {Kiss: "RATE"},
		"not synchronized": {Leap: 3},
		"stratum 16":       {Stratum: 16},
		"far from a clock": {Dispersion: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPoolBed(t, 3, 1)
			b.servers[b.answer[0]].Set(behavior)
			first, err := b.askAs(t, 0, silence)
			require.Error(t, err)
			require.NotErrorIs(t, err, truetime.ErrDenied, "or the clock would not ask the pool any more")
			require.NotErrorIs(t, err, truetime.ErrSlowDown, "the next one has not asked for that")
			require.NotEqual(t, b.answer[0], first)
			voter, err := b.askAs(t, 0, silence)
			require.NoError(t, err)
			_, err = b.ask(t, 0)
			require.NoError(t, err)

			b.servers[voter].Set(behavior)
			for range 20 {
				b.time = b.time.Add(time.Hour)
				a, err := b.askAs(t, 0, silence)
				require.Error(t, err)
				require.Equal(t, voter, a, "it has had the vote")
			}
		})
	}
}

// Who does not want to be asked is not asked again soon, even if there is nobody else.
func TestServersThatRefuseServiceAreLeftAlone(t *testing.T) {
	for kiss, pause := range map[string]time.Duration{"DENY": deniedFor, "RSTR": deniedFor, "RATE": slowFor} {
		b := newPoolBed(t, 3, 1)
		for _, s := range b.servers {
			s.Set(ntptest.Behavior{Kiss: kiss})
		}
		requests := func() (sum int) {
			for _, s := range b.servers {
				sum += s.Requests()
			}
			return sum
		}
		for range 20 {
			_, err := b.askAs(t, 0, silence)
			require.Error(t, err)
		}
		before := requests()
		require.LessOrEqual(t, before, 20)
		if kiss != "RATE" { // the last one that asks to be asked less often is asked less often by the clock
			require.Equal(t, 3, before)
		}
		b.time = b.time.Add(pause + time.Second)
		_, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, before+1, requests(), "and nothing is for life")
	}
}

func TestAServerThatIsFoundWrongIsReplacedAndGetsNoOtherPlace(t *testing.T) {
	for _, v := range []truetime.Verdict{truetime.Falseticker, truetime.Convicted} {
		b := newPoolBed(t, 3, 2)
		liar, err := b.ask(t, 0)
		require.NoError(t, err)
		for range maxWrong - 1 {
			_, err := b.askAs(t, 0, truetime.PollInfo{Verdict: v})
			require.NoError(t, err)
		}
		_, err = b.ask(t, 0) // once right is enough
		require.NoError(t, err)
		for range maxWrong - 1 {
			a, err := b.askAs(t, 0, truetime.PollInfo{Verdict: v})
			require.NoError(t, err)
			require.Equal(t, liar, a)
		}
		a, err := b.askAs(t, 0, truetime.PollInfo{Verdict: v})
		require.NoError(t, err)
		require.NotEqual(t, liar, a)

		// The other place is free. With the liar in it two could be wrong where one was.
		b.kill(t, b.answer[2])
		for range 10 {
			a, err := b.askAs(t, 1, silence)
			require.Error(t, err)
			require.NotEqual(t, liar, a)
		}
		b.time = b.time.Add(wrongFor)
		_, err = b.askAs(t, 1, silence)
		require.NoError(t, err)
	}
}

func TestTheVerdictOnAPredecessorIsNotHeldAgainstAServer(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	wrong := truetime.PollInfo{Verdict: truetime.Falseticker, Unused: errUnused}
	asked := map[netip.Addr]bool{}
	for range 3 {
		a, err := b.askAs(t, 0, wrong)
		require.NoError(t, err)
		asked[a] = true
	}
	require.Len(t, asked, 3)
	require.Zero(t, b.sources[0].(*server).place.wrong)
}

func TestAWrongServerStaysWhereThereIsNobodyElse(t *testing.T) {
	b := newPoolBed(t, 1, 1)
	for range 3 * maxWrong {
		_, err := b.askAs(t, 0, truetime.PollInfo{Verdict: truetime.Falseticker})
		require.NoError(t, err)
	}
	require.Equal(t, b.answer[0], b.has(0))
}

// What the option assumes is said there.
func TestReplaceAfterReplacesAServerThatIsSilentForSoLong(t *testing.T) {
	b := newPoolBed(t, 3, 1)
	b.sources = Pool("pool.example.net:"+portOf(b), 1, WithReplaceAfter(time.Hour))
	b.watch()
	voter, err := b.ask(t, 0)
	require.NoError(t, err)
	_, err = b.ask(t, 0)
	require.NoError(t, err)
	b.kill(t, voter)
	for range 20 {
		a, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, voter, a, "many polls, but no hour")
	}
	b.time = b.time.Add(time.Hour)
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.NotEqual(t, voter, a)
}

// It is asked again after days only, so that its silence could not be counted in polls.
func TestReplaceAfterReplacesAServerThatRefusesService(t *testing.T) {
	b := newPoolBed(t, 2, 1)
	b.sources = Pool("pool.example.net:"+portOf(b), 1, WithReplaceAfter(time.Hour))
	b.watch()
	voter := b.vote(t)
	b.servers[voter].Set(ntptest.Behavior{Kiss: "DENY"})
	_, err := b.ask(t, 0)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.NotErrorIs(t, err, truetime.ErrDenied)
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.NotEqual(t, voter, a)
}

func portOf(b *poolBed) string { return strconv.Itoa(int(b.sources[0].(*server).place.port)) }

func TestReplaceAfterIsAMinuteOrMore(t *testing.T) {
	for _, source := range Pool("ntp.example.net", 2, WithReplaceAfter(time.Second)) {
		require.ErrorContains(t, source.Info().Err, "it must be 1m0s or more")
	}
}

// serverBed is a bed whose source is a Server of the name.
func newServerBed(t *testing.T, servers int) *poolBed {
	t.Helper()
	b := newPoolBed(t, servers, 1)
	b.sources = []truetime.Source{Server("pool.example.net:" + portOf(b))}
	b.watch()
	return b
}

func (b *poolBed) vote(t *testing.T) netip.Addr {
	t.Helper()
	for range 2 {
		_, err := b.ask(t, 0)
		require.NoError(t, err)
	}
	return b.has(0)
}

// A name with several addresses is a pool, whether it is given to Pool or to Server.
func TestAServerByANameOfManyKeepsItsPlaceWhileItIsSilent(t *testing.T) {
	b := newServerBed(t, 3)
	voter := b.vote(t)
	b.kill(t, voter)
	for i := range 100 {
		if i > 50 {
			b.answer = b.answer[len(b.answer)-1:] // nor does it matter what becomes of the name
		}
		b.time = b.time.Add(time.Hour)
		a, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, voter, a)
	}
}

// Such a name means whoever has it: its server was moved to another address.
func TestAServerByANameOfOneFollowsItsName(t *testing.T) {
	b := newServerBed(t, 2)
	moved := b.answer[1]
	b.answer = b.answer[:1]
	voter := b.vote(t)
	b.answer = []netip.Addr{moved}
	_, err := b.ask(t, 0)
	require.NoError(t, err)
	require.Equal(t, voter, b.has(0), "it answers")
	b.kill(t, voter)
	for range maxSilent {
		b.time = b.time.Add(time.Hour)
		a, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, voter, a)
	}
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.Equal(t, moved, a)
}

func TestAServerByANameOfOneThatHasBecomeANameOfManyStays(t *testing.T) {
	b := newServerBed(t, 3)
	all := b.answer
	b.answer = all[:1]
	voter := b.vote(t)
	b.answer = all[1:]
	b.kill(t, voter)
	for range 20 {
		b.time = b.time.Add(time.Hour)
		a, err := b.askAs(t, 0, silence)
		require.Error(t, err)
		require.Equal(t, voter, a)
	}
}

// A name that leads to one address that is dead, and later to others.
func TestAServerThatHasNotVotedFollowsItsName(t *testing.T) {
	b := newServerBed(t, 3)
	all := b.answer
	b.answer = all[:1]
	b.kill(t, all[0])
	for range maxSilent {
		_, err := b.askAs(t, 0, silence)
		require.Error(t, err)
	}
	b.answer = all[1:]
	b.time = b.time.Add(time.Hour)
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.Equal(t, all[1], a)
}

// Whoever proves that it is the one that was configured may have any address.
func TestAServerThatProvesWhoItIsMayBeAnywhere(t *testing.T) {
	b := newServerBed(t, 3)
	b.sources[0].(*server).place.proves = true
	voter := b.vote(t)
	b.kill(t, voter)
	for range maxSilent {
		_, err := b.askAs(t, 0, silence)
		require.Error(t, err)
	}
	a, err := b.askAs(t, 0, silence)
	require.NoError(t, err)
	require.NotEqual(t, voter, a)
}

// A source may serve two clocks. One of them waits for a look-up; the other's context still ends
// its poll.
func TestContextEndsTheWaitForAnotherLookUp(t *testing.T) {
	p := newPlace(address{host: "example.invalid", port: 123})
	require.NoError(t, p.turn.Take(t.Context())) // somebody is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.take(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// A context that ends between the checks of it is not missed.
func TestContextThatEndsWhileTheSocketIsOpenedEndsThePoll(t *testing.T) {
	s := startServer(t, ntptest.Behavior{Silent: true})
	source := Server(s.Address()).(*server)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() { close(ended) })
	begun := time.Now()
	_, err := source.ask(ctx, system(t), netip.MustParseAddrPort(s.Address()), func(to netip.AddrPort) (socket, error) {
		socket, err := source.open(to)
		cancel()
		<-ended
		return socket, err
	}, nil)
	require.Error(t, err)
	require.Less(t, time.Since(begun), maxExchange, "and not by the limit of an exchange")
}
