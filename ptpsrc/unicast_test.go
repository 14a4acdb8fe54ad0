package ptpsrc

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// requireTrue checks both facts of a sample against the truth, which is the counter.
func requireTrue(t *testing.T, s truetime.Sample) {
	t.Helper()
	requireTrueSince(t, trueTAI, s)
}

// requireTrueSince holds a sample against true time, which is the given when the counter reads 0.
func requireTrueSince(t *testing.T, zero truetime.Time, s truetime.Sample) {
	t.Helper()
	require.GreaterOrEqual(t, s.Latest, zero.Add(time.Duration(s.Sent)), "the upper fact is wrong: %+v", s)
	require.LessOrEqual(t, s.Earliest, zero.Add(time.Duration(s.Received)), "the lower fact is wrong: %+v", s)
	require.GreaterOrEqual(t, s.Received, s.Sent)
}

// sampleOf asks again where nothing came: a machine may be too busy for what a Sample does in 5 s.
func sampleOf(t *testing.T, source truetime.Source, counter monotonic.Counter) (s truetime.Sample, err error) {
	t.Helper()
	for range 3 {
		if s, err = source.Sample(t.Context(), counter); !errors.Is(err, context.DeadlineExceeded) {
			return s, err
		}
		t.Log(err)
	}
	return s, err
}

func ask(t *testing.T, b bed, options ...UnicastOption) (truetime.Sample, error) {
	t.Helper()
	return sampleOf(t, b.source(options...), b.counter)
}

func TestBothFactsHoldWithTwoStepsAndWithOne(t *testing.T) {
	for name, oneStep := range map[string]bool{"two-step": false, "one-step": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, func(g *fakeGM) { g.oneStep = oneStep })
			source := b.source()
			require.NoError(t, source.Info().Err)
			for range 50 {
				s, err := sampleOf(t, source, b.counter)
				require.NoError(t, err)
				requireTrue(t, s)
				require.Equal(t, fakeClaim+stampResolution, s.Claim)
				require.Equal(t, 1, s.Stratum)
				require.Equal(t, b.event.LocalAddr().String(), s.Peer)
			}
		})
	}
}

// Sources of one Port take each other's stamps from the kernel's queue. These ask at nearly the
// same moment, again and again, and each grandmaster is right to 100 ns.
func TestSourcesOfOnePortAreTrueTogether(t *testing.T) {
	b := newBed(t, func(g *fakeGM) { g.every = time.Millisecond })
	beds := []bed{b}
	for domain := uint8(1); domain < 4; domain++ {
		beds = append(beds, bed{startGM(t, b.port, func(g *fakeGM) { g.every, g.domain = time.Millisecond, domain }), b.port})
	}
	var all sync.WaitGroup
	for _, b := range beds {
		all.Go(func() {
			source := b.source(WithDomain(int(b.domain)))
			for range 200 {
				s, err := sampleOf(t, source, b.counter)
				if !assert.NoError(t, err) {
					return
				}
				assert.GreaterOrEqual(t, s.Latest, trueTAI.Add(time.Duration(s.Sent)), "the upper fact is wrong: %+v", s)
				assert.LessOrEqual(t, s.Earliest, trueTAI.Add(time.Duration(s.Received)), "the lower fact is wrong: %+v", s)
			}
		})
	}
	all.Wait()
	require.Empty(t, b.port.departures.waiting, "and when it is over nobody waits")
}

// Half of a round trip would be wrong here: all of the delay is on one way.
func TestDelayOnOneWayOnlyWidens(t *testing.T) {
	const late = 20 * time.Millisecond
	for name, prepare := range map[string]func(*fakeGM){
		"Sync is late": func(g *fakeGM) {
			g.onFollowUp = func(f *protocol.FollowUp) bool { shift(&f.PreciseOriginTimestamp, -late); return true }
		},
		"Delay_Req is late": func(g *fakeGM) {
			g.onAnswer = func(r *protocol.DelayResp) bool { shift(&r.ReceiveTimestamp, late); return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ask(t, newBed(t, prepare))
			require.NoError(t, err)
			requireTrue(t, s)
			require.GreaterOrEqual(t, s.Delay, late)
		})
	}
}

// Meta's fbclock takes the middle of an exchange, steers the clock by it, and publishes a window of
// the accuracy of the grandmaster and four standard deviations (W = mean(M) + 4σ(M), M = accuracy +
// |mean offset| + σ(offset)). What does not vary is not in it. On a path with a constant difference
// between the two ways that window misses the truth, and both facts hold.
func TestWindowOfStandardDeviationsIsNarrowerThanTheTruthAllows(t *testing.T) {
	const asymmetry = 400 * time.Millisecond
	b := newBed(t, func(g *fakeGM) {
		g.onFollowUp = func(f *protocol.FollowUp) bool { shift(&f.PreciseOriginTimestamp, -asymmetry); return true }
	})
	source := b.source()
	var wrong []float64 // by how much the middle of each exchange is, ns
	for range 30 {
		s, err := sampleOf(t, source, b.counter)
		require.NoError(t, err)
		requireTrue(t, s)
		middle := s.Earliest.Add(s.Latest.Sub(s.Earliest) / 2)
		wrong = append(wrong, float64(trueTAI.Add(time.Duration(s.Received)).Sub(middle)))
	}
	mean, deviation := moments(wrong)
	// A servo takes the mean for the truth, so the offset that remains is about 0.
	window := float64(fakeClaim) + 5*deviation
	t.Logf("the middle is wrong by %v, and the window is %v", time.Duration(mean), time.Duration(window))
	require.Greater(t, math.Abs(mean), window)
}

func moments(all []float64) (mean, deviation float64) {
	for _, v := range all {
		mean += v / float64(len(all))
	}
	for _, v := range all {
		deviation += (v - mean) * (v - mean) / float64(len(all)-1)
	}
	return mean, math.Sqrt(deviation)
}

func shift(s *protocol.Timestamp, by time.Duration) { *s = protocol.NewTimestamp(s.Time().Add(by)) }

func TestGrandmasterThatContradictsItselfIsRejected(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onFollowUp = func(f *protocol.FollowUp) bool { shift(&f.PreciseOriginTimestamp, time.Hour); return true }
	})
	_, err := ask(t, b)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "exclude each other")
}

func TestCorrectionsNarrowOnlyIfBelieved(t *testing.T) {
	const claimed = 300 * time.Millisecond
	b := newBed(t, func(g *fakeGM) {
		g.onFollowUp = func(f *protocol.FollowUp) bool {
			shift(&f.PreciseOriginTimestamp, -claimed)
			f.CorrectionField = protocol.NewCorrection(float64(claimed))
			return true
		}
		g.onAnswer = func(r *protocol.DelayResp) bool {
			shift(&r.ReceiveTimestamp, claimed)
			r.CorrectionField = protocol.NewCorrection(float64(claimed))
			return true
		}
	})
	s, err := ask(t, b)
	require.NoError(t, err)
	requireTrue(t, s)
	require.Greater(t, s.Delay, 2*claimed)
	s, err = ask(t, b, WithTransparentClocks())
	require.NoError(t, err)
	requireTrue(t, s)
	require.Less(t, s.Delay, claimed)
}

func TestCorrectionBelowZeroAlwaysWidens(t *testing.T) {
	const early = time.Millisecond
	b := newBed(t, func(g *fakeGM) {
		// It sends later than its stamp says, and knows.
		g.onFollowUp = func(f *protocol.FollowUp) bool {
			shift(&f.PreciseOriginTimestamp, early)
			f.CorrectionField = protocol.NewCorrection(-float64(early))
			return true
		}
		g.onAnswer = func(r *protocol.DelayResp) bool {
			shift(&r.ReceiveTimestamp, -early)
			r.CorrectionField = protocol.NewCorrection(-float64(early))
			return true
		}
	})
	s, err := ask(t, b)
	require.NoError(t, err)
	requireTrue(t, s)
}

func TestWhatAGrandmasterAnnouncesDecidesWhetherItIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		announce func(*protocol.Announce)
		options  []UnicastOption
		want     string // of the error; empty: it is used
	}{
		"good":                          {},
		"accuracy unknown":              {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockAccuracy = 0xFE }, nil, "WithAccuracy"},
		"accuracy above 10 s":           {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockAccuracy = 0x31 }, nil, "WithAccuracy"},
		"accuracy reserved":             {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockAccuracy = 0x16 }, nil, "WithAccuracy"},
		"accuracy unknown, vouched for": {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockAccuracy = 0xFE }, []UnicastOption{WithAccuracy(time.Microsecond)}, ""},
		"follows nothing":               {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockClass = 248 }, nil, "clock class 248"},
		"follows nothing, vouched for":  {func(a *protocol.Announce) { a.GrandmasterClockQuality.ClockClass = 248 }, []UnicastOption{WithAccuracy(time.Microsecond)}, ""},
		"uncertain":                     {func(a *protocol.Announce) { a.FlagField |= protocol.FlagSynchronizationUncertain }, []UnicastOption{WithAccuracy(time.Second)}, "uncertain"},
		"no TAI":                        {func(a *protocol.Announce) { a.FlagField &^= protocol.FlagPTPTimescale }, nil, "WithTAI, or give its offset from UTC by WithUTCOffset"},
		"no TAI, vouched for":           {func(a *protocol.Announce) { a.FlagField &^= protocol.FlagPTPTimescale }, []UnicastOption{WithTAI()}, ""},
		"no TAI, offset given": {func(a *protocol.Announce) {
			a.FlagField &^= protocol.FlagPTPTimescale
			a.CurrentUTCOffset = 5
		}, []UnicastOption{WithUTCOffset(fakeTAI)}, ""},
		"boundary clock":          {func(a *protocol.Announce) { a.StepsRemoved = 2 }, nil, "2 boundary clocks"},
		"boundary clock, allowed": {func(a *protocol.Announce) { a.StepsRemoved = 2 }, []UnicastOption{WithBoundaryClocks(time.Microsecond)}, ""},
		"error above the limit":   {nil, []UnicastOption{WithAccuracy(time.Second), WithMaxError(time.Millisecond)}, "above the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, func(g *fakeGM) {
				g.onAnnounce = func(a *protocol.Announce) bool {
					if c.announce != nil {
						c.announce(a)
					}
					return true
				}
			})
			source := b.source(c.options...)
			s, err := sampleOf(t, source, b.counter)
			if c.want == "" {
				require.NoError(t, err)
				requireTrueSince(t, trueIn(source), s)
				return
			}
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What the grandmaster announces about UTC says nothing of its own time. It is passed on, if it is
// said to be valid, and where the user says how far that is from UTC it is not.
func TestAnnouncedUTCOffsetIsPassedOnAndBoundsNothing(t *testing.T) {
	for _, c := range []struct {
		announced int16
		valid     bool
		options   []UnicastOption
		want      time.Duration
	}{
		{37, true, nil, fakeTAI}, {36, true, nil, 36 * time.Second}, {0, true, nil, 0}, {-1, true, nil, -time.Second},
		{32767, true, nil, 32767 * time.Second}, {37, false, nil, 0}, {5, false, nil, 0},
		{36, true, []UnicastOption{WithTAI()}, 36 * time.Second},
		{36, true, []UnicastOption{WithUTCOffset(fakeTAI)}, 0},
	} {
		b := newBed(t, func(g *fakeGM) {
			g.onAnnounce = func(a *protocol.Announce) bool {
				a.CurrentUTCOffset = c.announced
				if !c.valid {
					a.FlagField &^= protocol.FlagCurrentUtcOffsetValid
				}
				return true
			}
		})
		source := b.source(c.options...)
		s, err := sampleOf(t, source, b.counter)
		require.NoError(t, err, "%+v", c)
		requireTrueSince(t, trueIn(source), s)
		require.Equal(t, c.want, s.TAIOffset, "%+v", c)
		require.Equal(t, fakeClaim+stampResolution, s.Claim, "%+v", c)
	}
}

func TestClaimIsWhatIsAnnouncedAndWhatTheUserAdds(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnnounce = func(a *protocol.Announce) bool { a.StepsRemoved = 3; return true }
	})
	s, err := ask(t, b, WithBoundaryClocks(2*time.Microsecond), WithExtraError(5*time.Microsecond))
	require.NoError(t, err)
	require.Equal(t, fakeClaim+stampResolution+11*time.Microsecond, s.Claim)
	require.Equal(t, 4, s.Stratum)
}

func TestAnnouncedLeapIsPassedOn(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnnounce = func(a *protocol.Announce) bool { a.FlagField |= protocol.FlagLeap61; return true }
	})
	s, err := ask(t, b)
	require.NoError(t, err)
	require.Equal(t, truetime.LeapInsert, s.Leap)
}

// Each of these loses or damages a part of what is sent; what remains is enough.
func TestLossDuplicatesAndReorderingAreSurvived(t *testing.T) {
	every := func(n int) func() bool {
		count := 0
		return func() bool { count++; return count%n == 0 }
	}
	for name, prepare := range map[string]func(*fakeGM){
		"two of three Follow_Ups lost":  func(g *fakeGM) { keep := every(3); g.onFollowUp = func(*protocol.FollowUp) bool { return keep() } },
		"two of three answers lost":     func(g *fakeGM) { keep := every(3); g.onAnswer = func(*protocol.DelayResp) bool { return keep() } },
		"two of three Announces lost":   func(g *fakeGM) { keep := every(3); g.onAnnounce = func(*protocol.Announce) bool { return keep() } },
		"Follow_Ups before their Syncs": func(g *fakeGM) { g.overtakes = time.Millisecond },
		"the Follow_Up of the next Sync, and none of this": func(g *fakeGM) {
			g.overtakes = time.Millisecond
			keep := every(3)
			g.onFollowUp = func(*protocol.FollowUp) bool { return keep() }
		},
		"Follow_Ups before their Syncs, and two of three answers lost": func(g *fakeGM) {
			g.overtakes = time.Millisecond
			keep := every(3)
			g.onAnswer = func(*protocol.DelayResp) bool { return keep() }
		},
		"everything twice":              func(g *fakeGM) { g.onAnything = func(b []byte) [][]byte { return [][]byte{b, b} } },
		"an unknown TLV in every one":   func(g *fakeGM) { g.onAnything = withTLV },
		"junk before every message":     func(g *fakeGM) { g.onAnything = func(b []byte) [][]byte { return [][]byte{nil, {1, 2}, b[:20], b} } },
		"another master at the address": func(g *fakeGM) { g.onAnything = withStranger },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, prepare)
			source := b.source()
			for range 10 {
				s, err := sampleOf(t, source, b.counter)
				require.NoError(t, err)
				requireTrue(t, s)
			}
		})
	}
}

// withTLV adds a TLV of an organisation to a message.
func withTLV(b []byte) [][]byte {
	length := int(b[2])<<8 | int(b[3])
	b = append(b[:length:length], 0x00, 0x03, 0x00, 0x06, 1, 2, 3, 4, 5, 6)
	b[3] += 10
	return [][]byte{b}
}

// withStranger adds a copy of each message by a master that was not asked, and that is an hour
// fast.
func withStranger(b []byte) [][]byte {
	lie := append([]byte(nil), b...)
	lie[27]++ // its identity
	for i := 37; i > 34; i-- {
		lie[i] ^= 0xff // seconds
	}
	return [][]byte{lie, b, lie}
}

func TestAnswersToOthersAreIgnored(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnswer = func(r *protocol.DelayResp) bool { r.RequestingPortIdentity.ClockIdentity++; return true }
	})
	requireSilence(t, b, "no Delay_Resp from 127.0.0.1")
}

// requireSilence samples until it has taken long enough for the reason to be seen.
func requireSilence(t *testing.T, b bed, want string) {
	t.Helper()
	var err error
	for limit := 50 * time.Millisecond; limit < 20*time.Second; limit *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), min(limit, maxSample))
		_, err = b.source().Sample(ctx, b.counter)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		if strings.Contains(err.Error(), want) {
			return
		}
	}
	require.ErrorContains(t, err, want)
}

func TestSilenceIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*fakeGM)
		want    string
	}{
		"no grant": {func(g *fakeGM) {
			g.onGrant = func(*protocol.Signaling, *protocol.GrantUnicastTransmissionTLV) bool { return false }
		}, "has not granted"},
		"another domain": {func(g *fakeGM) { g.domain = 5 }, "not in domain 0"},
		"no Announce":    {func(g *fakeGM) { g.onAnnounce = func(*protocol.Announce) bool { return false } }, "no Announce"},
		"no Sync":        {func(g *fakeGM) { g.onSync = func(*protocol.SyncDelayReq) bool { return false } }, "no Sync"},
		"no Follow_Up":   {func(g *fakeGM) { g.onFollowUp = func(*protocol.FollowUp) bool { return false } }, "no Follow_Up"},
		"an alternate master": {func(g *fakeGM) {
			g.onSync = func(s *protocol.SyncDelayReq) bool { s.FlagField |= protocol.FlagAlternateMaster; return true }
		}, "no Sync"},
		"answers to another": {func(g *fakeGM) {
			g.onGrant = func(s *protocol.Signaling, _ *protocol.GrantUnicastTransmissionTLV) bool {
				s.TargetPortIdentity.PortNumber++
				return true
			}
		}, "has not granted"},
	} {
		t.Run(name, func(t *testing.T) {
			requireSilence(t, newBed(t, c.prepare), c.want)
		})
	}
}

func TestRefusedGrantIsExplained(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onGrant = func(_ *protocol.Signaling, grant *protocol.GrantUnicastTransmissionTLV) bool {
			grant.DurationField = 0
			return true
		}
	})
	_, err := ask(t, b)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "refuses to send")
}

func TestRequestAndCancelNameAllThatIsNeeded(t *testing.T) {
	p := &Port{identity: protocol.PortIdentity{ClockIdentity: 5, PortNumber: 1}}
	for name, m := range map[string]*protocol.Signaling{"request": p.request(3, -3, 10*time.Second), "cancel": p.cancel(3, gmIdentity)} {
		b := answerOf(t, m)
		require.Equal(t, len(b)-protocol.TrailingBytes, int(m.MessageLength), name)
		var got protocol.Signaling
		require.NoError(t, protocol.FromBytes(b, &got), name)
		require.Equal(t, *m, got, name)
		require.Len(t, got.TLVs, 3, name)
		require.EqualValues(t, 3, got.DomainNumber, name)
	}
}

func (g *fakeGM) asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.requests)
}

// later is a counter that can be moved on.
type later struct {
	monotonic.Counter
	by time.Duration
}

func (l *later) Now() monotonic.Instant { return l.Counter.Now().Add(l.by) }

func TestGrantsAreRenewedWhenHalfOfThemIsOver(t *testing.T) {
	b := newBed(t, nil)
	source, counter := b.source(), &later{Counter: b.counter}
	sample := func() { // one that has asked once at most
		t.Helper()
		for began := time.Now().Add(-repeatAfter); time.Since(began) >= repeatAfter; {
			began = time.Now()
			_, err := sampleOf(t, source, counter)
			require.NoError(t, err)
		}
	}
	sample()
	first := b.asked()
	sample()
	require.Equal(t, first, b.asked(), "asked again although messages were granted for a minute")
	counter.by = longTerm/2 + time.Second
	sample()
	require.Eventually(t, func() bool { return b.asked() > first }, 10*time.Second, time.Millisecond)
}

func TestSecondSourceForOneServerIsRefused(t *testing.T) {
	b := newBed(t, func(g *fakeGM) { g.onAnnounce = func(*protocol.Announce) bool { return false } })
	ctx, cancel := context.WithCancel(t.Context())
	done, first := make(chan struct{}), b.source()
	go func() {
		defer close(done)
		_, _ = first.Sample(ctx, b.counter)
	}()
	require.Eventually(t, func() bool { return b.asked() > 0 }, 10*time.Second, time.Millisecond)
	_, err := ask(t, b)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "one server has one vote")
	cancel()
	<-done
}

func TestClosedPortEndsSamples(t *testing.T) {
	b := newBed(t, func(g *fakeGM) { g.onAnnounce = func(*protocol.Announce) bool { return false } })
	result := make(chan error)
	source := b.source()
	go func() {
		_, err := source.Sample(context.Background(), b.counter)
		result <- err
	}()
	require.Eventually(t, func() bool { return b.asked() > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, b.port.Close())
	require.ErrorIs(t, <-result, errClosed)
	_, err := source.Sample(t.Context(), b.counter)
	require.ErrorIs(t, err, errClosed)
	require.NoError(t, b.port.Close())
}

func TestPortThatCannotBeUsedIsExplained(t *testing.T) {
	b := newBed(t, nil)
	at := b.port.event.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
	_, err := NewPort(WithLocalAddress(at.Addr()), WithLocalPorts(int(at.Port()), int(at.Port())-1))
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, "in use by another program, such as ptp4l, or by another Port")

	require.ErrorContains(t, explainPort(319, syscall.EACCES), "no permission to use UDP port 319: run as root or with CAP_NET_BIND_SERVICE")
}

func TestALateAnnounceBringsNoOldClaimBack(t *testing.T) {
	granted := &grants{}
	for _, c := range []struct {
		sequence uint16
		counts   bool
	}{{8, true}, {7, false}, {8, true}, {9, true}, {65535, false}, {1, false}, {500, true}, {3, true}, {65535, false}, {65000, true}, {2, true}} {
		require.Equal(t, c.counts, granted.announces(c.sequence), c.sequence)
	}
	g := &fakeGM{}
	c := conversation{unicast: newUnicast(nil, "192.0.2.1", nil), grants: &grants{parent: gmIdentity}, port: &Port{}, counter: new(monotonic.Manual)}
	for _, sequence := range []uint16{8, 7} {
		a := &protocol.Announce{Header: g.header(protocol.MessageAnnounce, announceSize, sequence, fakeFlags)}
		require.NoError(t, c.take(arrival{packet: a}))
	}
	require.EqualValues(t, 8, c.announce.SequenceID)
}

// More Syncs come while the answer is on its way.
func TestARoundTripLongerThanTheSyncIntervalIsUsed(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnswer = func(*protocol.DelayResp) bool { time.Sleep(30 * time.Millisecond); return true }
	})
	s, err := ask(t, b)
	require.NoError(t, err)
	requireTrue(t, s)
}
