package ntpsrc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// These tests put a relay between the clock and the daemons, all of which serve this host's clock
// except those that are made to lie.

// ownClocks are sources that ask daemons which serve this host's clock and follow nobody.
func ownClocks(addresses ...string) (sources []truetime.Source) {
	for _, a := range addresses {
		sources = append(sources, ntpsrc.Server(a, ntpsrc.WithLocalReference()))
	}
	return sources
}

// startClockOver starts a clock of one source per address, on a counter that runs ppm fast.
func startClockOver(t *testing.T, ppm int64, addresses ...string) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New(ownClocks(addresses...),
		truetime.WithCounter(newSkewed(t, ppm)),
		truetime.WithPoll(30*time.Millisecond, 100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

func waitSynchronized(t *testing.T, clock *truetime.Clock, max time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, max), "%+v", clock.Status())
}

// readTruth reads the clock all the time until the condition holds and it has been read often
// enough. Every interval must contain the truth.
func readTruth(t *testing.T, clock *truetime.Clock, reads int, condition func(truetime.Status) bool) []time.Duration {
	t.Helper()
	var epsilon []time.Duration
	deadline := time.Now().Add(2 * time.Minute)
	for len(epsilon) < reads || !condition(clock.Status()) {
		require.True(t, time.Now().Before(deadline), "after %d answers: %+v", len(epsilon), clock.Status())
		for range 10 {
			epsilon = append(epsilon, testbed.RequireTruth(t, clock).Uncertainty())
		}
		time.Sleep(time.Millisecond)
	}
	slices.Sort(epsilon)
	return epsilon
}

func TestHostClockIsInEveryIntervalThroughRelays(t *testing.T) {
	t.Parallel()
	const lie = 150 * time.Millisecond // beyond any delay below
	daemons := []string{
		testbed.StartChronyd(t).Address(),
		testbed.StartNTPsec(t).Address(),
		testbed.StartChronyd(t).Address(),
		testbed.StartLyingChronyd(t, -lie).Address(),
	}
	liar := len(daemons) - 1
	var answers, lost, twice, overtaken atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d answers, all contain the truth; %d datagrams lost, %d sent twice, %d overtaken", answers.Load(), lost.Load(), twice.Load(), overtaken.Load())
		require.NotZero(t, lost.Load())
		require.NotZero(t, twice.Load())
		require.NotZero(t, overtaken.Load())
	})

	ppm, seed := int64(-150), uint64(0)
	for _, delay := range []time.Duration{100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond} {
		for _, share := range []struct {
			name        string
			there, back time.Duration
		}{{"both ways", 1, 1}, {"there alone", 1, 0}, {"back alone", 0, 1}} {
			ppm, seed = -ppm, seed+10
			ppm, seed := ppm, seed
			t.Run(fmt.Sprintf("%v %s, counter at %d ppm, seed %d", delay, share.name, ppm, seed), func(t *testing.T) {
				t.Parallel()
				path := func(d time.Duration) testbed.Path {
					return testbed.Path{Delay: d, Jitter: d / 2, Loss: 0.05, Duplicate: 0.1, Reorder: 0.05}
				}
				var relays []*testbed.Relay
				var addresses []string
				for i, address := range daemons {
					r := testbed.StartRelay(t, seed+uint64(i), address, path(delay*share.there), path(delay*share.back))
					relays, addresses = append(relays, r), append(addresses, r.Address())
				}
				clock := startClockOver(t, ppm, addresses...)
				waitSynchronized(t, clock, 500*time.Millisecond)
				epsilon := readTruth(t, clock, 3000, func(s truetime.Status) bool {
					for i := range liar {
						if s.Sources[i].Verdict != truetime.Truechimer {
							return false // a first request may be lost
						}
					}
					return s.Sources[liar].Verdict == truetime.Falseticker
				})
				answers.Add(int64(len(epsilon)))
				require.EqualValues(t, 1, clock.Status().Epoch)
				t.Logf("ε median %v, largest %v", epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
				for _, r := range relays {
					there, back := r.Counts()
					require.NotZero(t, back.Sent)
					lost.Add(int64(there.Lost + back.Lost))
					twice.Add(int64(there.Duplicated + back.Duplicated))
					overtaken.Add(int64(there.Overtaken + back.Overtaken))
				}
			})
		}
	}
}

func TestLostDatagramsAreOnlyLessNews(t *testing.T) {
	t.Parallel()
	path := testbed.Path{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: 0.15}
	var addresses []string
	var relays []*testbed.Relay
	for i, address := range []string{testbed.StartChronyd(t).Address(), testbed.StartChronyd(t).Address(), testbed.StartNTPsec(t).Address()} {
		r := testbed.StartRelay(t, uint64(i), address, path, path)
		relays, addresses = append(relays, r), append(addresses, r.Address())
	}
	clock := startClockOver(t, 150, addresses...)
	waitSynchronized(t, clock, 100*time.Millisecond)
	lost := func() (n int) {
		for _, r := range relays {
			there, back := r.Counts()
			n += there.Lost + back.Lost
		}
		return n
	}
	epsilon := readTruth(t, clock, 5000, func(truetime.Status) bool { return lost() >= 5 })
	require.EqualValues(t, 1, clock.Status().Epoch)
	t.Logf("ε median %v, %d datagrams lost", epsilon[len(epsilon)/2], lost())
}

// One source of four is behind a relay that inverts a bit of every reply, or of half of them.
// Whatever comes through, no answer is wrong.
func TestFlippedBitsOfOneSourceMakeNoAnswerWrong(t *testing.T) {
	t.Parallel()
	honest := []string{testbed.StartChronyd(t).Address(), testbed.StartChronyd(t).Address(), testbed.StartNTPsec(t).Address()}
	// Others than these: one that is asked both ways would be one machine, and its identity is sometimes damaged.
	behind := []string{testbed.StartChronyd(t).Address(), testbed.StartChronyd(t).Address(), testbed.StartNTPsec(t).Address()}
	for i, corrupt := range []testbed.Path{{Corrupt: 1}, {Corrupt: 0.5}, {Corrupt: 0.5, FlipBits: 3}} {
		t.Run(fmt.Sprintf("%v of all, %d bits", corrupt.Corrupt, max(corrupt.FlipBits, 1)), func(t *testing.T) {
			t.Parallel()
			relay := testbed.StartRelay(t, uint64(i), behind[i], testbed.Path{Delay: time.Millisecond}, corrupt)
			clock := startClockOver(t, 0, append([]string{relay.Address()}, honest...)...)
			waitSynchronized(t, clock, 100*time.Millisecond)
			enough := func(truetime.Status) bool {
				_, back := relay.Counts()
				return back.Corrupted >= 20
			}
			epsilon := readTruth(t, clock, 5000, enough)
			_, back := relay.Counts()
			t.Logf("%d answers, 0 wrong, ε median %v; %d replies, %d of them damaged; the source behind the relay is %v",
				len(epsilon), epsilon[len(epsilon)/2], back.Sent, back.Corrupted, clock.Status().Sources[0].Verdict)
		})
	}
}

// outcome counts what became of exchanges.
type outcome struct{ silent, rejected, harmless, false int }

func (o outcome) total() int { return o.silent + o.rejected + o.harmless + o.false }

// exchangeAll asks a server n times and judges every sample by the truth.
func exchangeAll(t *testing.T, address string, n int) (o outcome) {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	source := ntpsrc.Server(address, ntpsrc.WithLocalReference())
	for range n {
		// Long enough for the relay's delay; a reply that is not recognised as one costs all of it.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		before := truetime.Time(testbed.Realtime())
		s, err := source.Sample(ctx, counter)
		after := truetime.Time(testbed.Realtime())
		cancel()
		switch {
		case errors.Is(err, truetime.ErrUnusable), errors.Is(err, truetime.ErrDenied), errors.Is(err, truetime.ErrSlowDown):
			o.rejected++
		case err != nil:
			o.silent++
		case s.Latest < before || s.Earliest > after:
			o.false++
		default:
			o.harmless++
		}
	}
	return o
}

// Every single datagram has one bit inverted, and every single exchange is accounted for.
//
// NTP without authentication cannot tell some of them: if T2 comes out too early, or T3 too late,
// by more than the delay of that way and by less than the whole round trip, the reply is a
// plausible one. That is one bit or two in each stamp, of which half are inverted in the direction
// that matters: about 1 of 384 replies. Agreement over several sources is there for these. A
// damaged request carries no time, so it can do nothing.
func TestEveryFlippedBitIsAccountedFor(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() string{
		"chronyd": func() string { return testbed.StartChronyd(t).Address() },
		"ntpsec":  func() string { return testbed.StartNTPsec(t).Address() },
	} {
		address := start()
		flip, delay := testbed.Path{Delay: 500 * time.Microsecond, Corrupt: 1}, testbed.Path{Delay: 500 * time.Microsecond}
		t.Run(name+", requests", func(t *testing.T) {
			t.Parallel()
			const exchanges = 500
			relay := testbed.StartRelay(t, 1, address, flip, delay)
			o := exchangeAll(t, relay.Address(), exchanges)
			there, _ := relay.Counts()
			t.Logf("%+v, relay %+v", o, there)
			require.Equal(t, there.Received, there.Corrupted, "all of them")
			require.Equal(t, exchanges, o.total())
			require.GreaterOrEqual(t, there.Received, o.rejected+o.harmless+o.false, "each of these is an answer to a damaged request")
			require.Zero(t, o.false)
			require.NotZero(t, o.harmless)
			require.NotZero(t, o.silent)
		})
		t.Run(name+", replies", func(t *testing.T) {
			t.Parallel()
			const exchanges = 800
			relay := testbed.StartRelay(t, 2, address, delay, flip)
			o := exchangeAll(t, relay.Address(), exchanges)
			_, back := relay.Counts()
			t.Logf("%+v, relay %+v", o, back)
			require.Equal(t, back.Received, back.Corrupted, "all of them")
			require.Equal(t, exchanges, o.total())
			require.GreaterOrEqual(t, back.Received, o.rejected+o.harmless+o.false, "each of these is an answer to a damaged reply")
			require.LessOrEqual(t, o.false, exchanges/20, "of bits that cannot be told: about 2 expected")
			require.NotZero(t, o.rejected)
			require.NotZero(t, o.harmless)
		})
	}
}

// Before it has ever been synchronized ntpsec answers with stratum 0 besides leap indicator 3,
// which makes it a kiss-o'-death.
func TestNTPsecThatIsNotSynchronizedIsRefused(t *testing.T) {
	server := testbed.StartUnsynchronizedNTPsec(t)
	counter, err := monotonic.System()
	require.NoError(t, err)
	_, err = ntpsrc.Server(server.Address()).Sample(t.Context(), counter)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, `stratum 0, kiss-o'-death "INIT"`)
}
