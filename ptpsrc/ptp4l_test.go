package ptpsrc

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// host is a host whose system clock and ptp4l are made up. True time is fakeUTC when the counter
// reads 0, and runs with it.
type host struct {
	counter monotonic.Instant
	clock   time.Duration // system clock − UTC
	report  report
}

func newHost() *host {
	h := &host{counter: monotonic.Instant(time.Hour), clock: 3 * time.Millisecond}
	h.report = report{
		clock:   defaultDataSet{Ports: 1, Identity: 1},
		parent:  parentDataSet{Parent: protocol.PortIdentity{ClockIdentity: 2, PortNumber: 1}, Class: 6, Accuracy: 0x21, Grandmaster: 2},
		time:    timeProperties{UTCOffset: 37, Flags: uint8(protocol.FlagPTPTimescale | protocol.FlagCurrentUtcOffsetValid | protocol.FlagTimeTraceable)},
		own:     grandmasterSettings{UTCOffset: 37},
		current: currentDataSet{StepsRemoved: 1, MeanPathDelay: int64(10*time.Microsecond) << 16},
		status:  timeStatus{Present: 1, Grandmaster: 2},
		port:    portProperties{State: protocol.PortStateSlave, Timestamping: uint8(protocol.TimestampingSoftware)},
		follows: true,
	}
	h.sync(0)
	return h
}

func (h *host) truth() truetime.Time { return trueTAI.Add(time.Duration(h.counter)) }
func (h *host) utc() truetime.Time   { return fakeUTC.Add(time.Duration(h.counter)) }
func (h *host) wall() truetime.Time  { return h.utc().Add(h.clock) }

// sync has a Sync come in, of which ptp4l finds an offset that is wrong by the given amount.
func (h *host) sync(wrong time.Duration) {
	h.report.status.IngressTime = int64(h.wall())
	h.report.status.MasterOffset = int64(h.clock + wrong)
}

func (h *host) pass(d time.Duration) { h.counter = h.counter.Add(d) }

// readClock reads the system clock in a bracket of 1 µs.
func (h *host) readClock() reading {
	return reading{before: h.counter.Add(-500), wall: h.wall(), after: h.counter.Add(500)}
}

// source is one that has seen ptp4l measure an offset from its master.
func (h *host) source(t *testing.T, options ...PTP4LOption) ptp4lPoll {
	t.Helper()
	p := h.newSource(t, options...)
	p.watch.situation, p.watch.fresh = h.report.situation(), true
	return p
}

func (h *host) newSource(t *testing.T, options ...PTP4LOption) ptp4lPoll {
	t.Helper()
	p := PTP4L(PTP4LSocket, options...).(*ptp4l)
	require.NoError(t, p.Info().Err)
	return p.poll(truetime.ContextWithPollInfo(t.Context(), truetime.PollInfo{DriftPPM: 1}), nil)
}

// poll lets a source see the host, then a Sync come in, and then asks it.
func (h *host) poll(p ptp4lPoll, wrong time.Duration) (truetime.Sample, error) {
	_, _ = p.evaluate(h.report, h.readClock())
	h.pass(50 * time.Millisecond)
	h.sync(wrong)
	h.pass(50 * time.Millisecond)
	return p.evaluate(h.report, h.readClock())
}

func (h *host) requireTrue(t *testing.T, s truetime.Sample) {
	t.Helper()
	requireTrue(t, s)
}

func TestOffsetIsSubtractedAndAllTermsOfTheErrorAreAdded(t *testing.T) {
	h := newHost()
	s, err := h.poll(h.source(t, WithExtraError(7*time.Nanosecond)), 0)
	require.NoError(t, err)
	h.requireTrue(t, s)
	require.Equal(t, h.truth(), s.Earliest.Add(s.Claim))
	require.Equal(t, h.truth(), s.Latest.Add(-s.Claim))
	const (
		accuracy  = 100 + 1
		offset    = 3_000_000
		delay     = 10_000 + 1
		drift     = 10_003 // 200 ppm of 50 ms and the deviation, as ρ/(1−ρ)
		deviation = 2000   // two brackets
		extra     = 7
	)
	require.Equal(t, h.counter.Add(-500), s.Sent)
	require.Equal(t, h.counter.Add(500), s.Received)
	require.EqualValues(t, accuracy+offset+delay+drift+deviation+extra, s.Claim)
	require.Equal(t, fakeTAI, s.TAIOffset)
	require.Equal(t, "PTP grandmaster 000000.0000.000002", s.Identity)
	require.Equal(t, "grandmaster 000000.0000.000002 by ptp4l 000000.0000.000001", s.Peer)
}

func TestLateSyncIsCoveredByTheOffsetItCauses(t *testing.T) {
	h := newHost()
	h.clock = 0
	s, err := h.poll(h.source(t), 40*time.Millisecond)
	require.NoError(t, err)
	h.requireTrue(t, s)
}

// Whether the daemon has corrected the clock since it measured is not known.
func TestCorrectionMadeSinceTheSyncIsCovered(t *testing.T) {
	h := newHost()
	h.clock = 200 * time.Microsecond
	p := h.source(t)
	_, _ = p.evaluate(h.report, h.readClock())
	h.pass(50 * time.Millisecond)
	h.sync(0)
	h.clock = 0
	h.pass(50 * time.Millisecond)
	s, err := p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
	h.requireTrue(t, s)
}

func TestSlewSinceThePollBeforeIsAdded(t *testing.T) {
	h := newHost()
	h.clock = 0
	p := h.source(t)
	_, _ = p.evaluate(h.report, h.readClock())
	h.pass(50 * time.Millisecond)
	h.sync(0)
	h.clock += 300 * time.Microsecond
	h.pass(50 * time.Millisecond)
	s, err := p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
	h.requireTrue(t, s)
}

func TestSystemClockThatIsSteppedEndsTheUseOfWhatWasMeasured(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Second, "back": -time.Second, "by 2 ms": 2 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			p := h.source(t)
			_, err := h.poll(p, 0)
			require.NoError(t, err)
			h.clock += by // ptp4l has not noticed
			h.pass(50 * time.Millisecond)
			_, err = p.evaluate(h.report, h.readClock())
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, "stepped")
			for range 50 { // through the moment at which a clock that was set back comes to where it was
				h.pass(50 * time.Millisecond)
				_, err = p.evaluate(h.report, h.readClock())
				require.ErrorIs(t, err, truetime.ErrUnusable, "the offset is still that of before the step")
			}
			_, err = h.poll(p, 0)
			require.ErrorIs(t, err, truetime.ErrUnusable)
			s, err := h.poll(p, 0)
			require.NoError(t, err)
			h.requireTrue(t, s)
		})
	}
}

func TestNothingMeasuredBeforeTheFirstPollIsUsed(t *testing.T) {
	h := newHost()
	p := h.source(t)
	for range 3 {
		h.pass(10 * time.Millisecond)
		_, err := p.evaluate(h.report, h.readClock())
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, "Sync")
	}
	h.sync(0)
	_, err := p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
}

func TestWhatChangesWithTheMasterEndsTheUseOfWhatWasMeasured(t *testing.T) {
	for name, change := range map[string]func(*report){
		"grandmaster": func(r *report) { r.parent.Grandmaster, r.status.Grandmaster = 3, 3 },
		"parent":      func(r *report) { r.parent.Parent.ClockIdentity = 3 },
		"UTC offset":  func(r *report) { r.time.UTCOffset, r.own.UTCOffset = 38, 38 },
		"accuracy":    func(r *report) { r.parent.Accuracy = 0x20 },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			p := h.source(t)
			_, err := h.poll(p, 0)
			require.NoError(t, err)
			change(&h.report)
			h.pass(50 * time.Millisecond)
			_, err = p.evaluate(h.report, h.readClock())
			require.ErrorIs(t, err, truetime.ErrUnusable)
			for wrong := range time.Duration(3) {
				_, err = h.poll(p, wrong)
			}
			require.NoError(t, err)
		})
	}
}

// ptp4l selects its master anew and counts with another UTC offset from then on, which is the
// announced one.
func TestOffsetMeasuredWithAnotherUTCOffsetIsNotUsed(t *testing.T) {
	h := newHost()
	p := h.source(t, WithMaxError(time.Hour))
	h.report.own.UTCOffset = 36
	_, err := h.poll(p, -time.Second)
	require.ErrorContains(t, err, "counts with a UTC offset of 36 s")
	h.report.own.UTCOffset = 37
	for range 3 {
		h.pass(50 * time.Millisecond)
		_, err = p.evaluate(h.report, h.readClock())
		require.ErrorIs(t, err, truetime.ErrUnusable)
	}
	s, err := h.poll(p, 0)
	require.NoError(t, err)
	h.requireTrue(t, s)
}

// A step, and a new master then: what was measured before the step must not come to look like new.
func TestNewMasterAfterAStepDoesNotShortenTheWait(t *testing.T) {
	h := newHost()
	p := h.source(t)
	_, err := h.poll(p, 0)
	require.NoError(t, err)
	refused := func(text string) {
		t.Helper()
		h.pass(50 * time.Millisecond)
		_, err = p.evaluate(h.report, h.readClock())
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, text)
	}
	h.clock += time.Second
	h.report.parent.Grandmaster, h.report.status.Grandmaster = 3, 3
	refused("stepped")
	h.report.parent.Grandmaster, h.report.status.Grandmaster = 4, 4
	refused("new to this source")
	h.pass(time.Millisecond)
	h.sync(0)
	refused("may be from before")
	h.sync(0)
	refused("has to change first")
	h.sync(1)
	h.pass(time.Millisecond)
	_, err = p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
}

// A Sync comes between the report and the reading of the poll with which the watch begins.
func TestSyncFromJustBeforeTheWatchIsNotUsed(t *testing.T) {
	h := newHost()
	p := h.source(t)
	before := h.report
	h.pass(time.Millisecond)
	h.sync(0)
	h.pass(time.Millisecond)
	_, err := p.evaluate(before, h.readClock())
	require.ErrorIs(t, err, truetime.ErrUnusable)
	h.pass(time.Millisecond)
	_, err = p.evaluate(h.report, h.readClock())
	require.ErrorIs(t, err, truetime.ErrUnusable)
}

func TestCounterThatGoesBackAroundTheSystemClockIsRejected(t *testing.T) {
	h := newHost()
	r := h.readClock()
	r.before, r.after = r.after, r.before
	_, err := h.source(t).evaluate(h.report, r)
	require.ErrorContains(t, err, "counter went back")
}

// jumpy is a counter that is read at the given moments.
type jumpy []monotonic.Instant

func (j *jumpy) Now() monotonic.Instant {
	now := (*j)[0]
	*j = (*j)[1:]
	return now
}

func TestOfSeveralLooksAtTheSystemClockTheNarrowestCounts(t *testing.T) {
	j := jumpy{0, 50, 100, 120, 200, 205, 300, 390, 400, 440}
	wall := truetime.Time(0)
	r := readSystemClock(&j, func() truetime.Time { wall++; return wall })
	require.Equal(t, reading{200, 3, 205}, r)
}

// More polls between two Syncs than readings are kept.
func TestManyPollsBetweenTwoSyncsKeepTheWatch(t *testing.T) {
	h := newHost()
	p := h.source(t)
	_, _ = p.evaluate(h.report, h.readClock())
	for range 5 {
		h.pass(time.Millisecond)
		h.sync(0)
		for range 3 * maxReadings {
			h.pass(10 * time.Millisecond)
			s, err := p.evaluate(h.report, h.readClock())
			require.NoError(t, err)
			h.requireTrue(t, s)
			require.LessOrEqual(t, len(p.watch.readings), maxReadings)
		}
	}
}

func TestWhatPTP4LSaysDecidesWhetherItIsUsed(t *testing.T) {
	const valid, traceable, tai = uint8(protocol.FlagCurrentUtcOffsetValid), uint8(protocol.FlagTimeTraceable), uint8(protocol.FlagPTPTimescale)
	for name, c := range map[string]struct {
		change  func(*report)
		options []PTP4LOption
		want    string
	}{
		"free running":               {func(r *report) { r.port.State = protocol.PortStateUncalibrated }, nil, ""},
		"follows nobody":             {func(r *report) { r.follows, r.port.State = false, protocol.PortStateListening }, nil, "follows no master"},
		"hardware stamps":            {func(r *report) { r.port.Timestamping = 1 }, nil, "network card"},
		"own oscillator":             {func(r *report) { r.time.Source = 0xA0 }, nil, "ptpsrc.WithLocalReference allows it"},
		"own oscillator, allowed":    {func(r *report) { r.time.Source = 0xA0 }, []PTP4LOption{WithLocalReference()}, ""},
		"no grandmaster":             {func(r *report) { r.status.Present = 0 }, nil, "no grandmaster"},
		"is the grandmaster":         {func(r *report) { r.current.StepsRemoved = 0 }, nil, "no grandmaster"},
		"two grandmasters":           {func(r *report) { r.status.Grandmaster = 9 }, nil, "changed its grandmaster"},
		"no path delay":              {func(r *report) { r.current.MeanPathDelay = 0 }, nil, "path delay"},
		"path delay above the limit": {func(r *report) { r.current.MeanPathDelay = int64(2*time.Second) << 16 }, nil, "above the limit"},
		"accuracy unknown":           {func(r *report) { r.parent.Accuracy = 0xFE }, nil, "WithAccuracy"},
		"accuracy unknown, vouched":  {func(r *report) { r.parent.Accuracy = 0xFE }, []PTP4LOption{WithAccuracy(time.Microsecond)}, ""},
		"boundary clock":             {func(r *report) { r.current.StepsRemoved = 2 }, nil, "1 boundary clocks"},
		"boundary clock, allowed":    {func(r *report) { r.current.StepsRemoved = 2 }, []PTP4LOption{WithBoundaryClocks(time.Microsecond)}, ""},
		"not TAI":                    {func(r *report) { r.time.Flags = 0 }, nil, "WithUTCOffset"},
		"not TAI, serves UTC":        {func(r *report) { r.time.Flags = 0 }, []PTP4LOption{WithUTCOffset(0)}, ""},
		"UTC offset given":           {func(*report) {}, []PTP4LOption{WithUTCOffset(37 * time.Second)}, ""},
		"no UTC offset":              {func(r *report) { r.time.Flags = tai | traceable }, nil, ""},
		"UTC offset not traceable":   {func(r *report) { r.time.Flags = tai | valid }, nil, ""},
		"another UTC offset":         {func(r *report) { r.own.UTCOffset = 36 }, nil, "counts with a UTC offset of 36 s"},
		"another one, not valid":     {func(r *report) { r.own.UTCOffset, r.time.Flags = 36, tai }, nil, "counts with a UTC offset of 36 s"},
		"another one, and one given": {func(r *report) { r.own.UTCOffset = 36 }, []PTP4LOption{WithUTCOffset(37 * time.Second)}, "counts with"},
		"wrong, both":                {func(r *report) { r.time.UTCOffset, r.own.UTCOffset = 36, 36; r.status.MasterOffset -= 1e9 }, nil, ""},
		"wrong, both, and one given": {func(r *report) { r.time.UTCOffset, r.own.UTCOffset = 36, 36; r.status.MasterOffset -= 1e9 }, []PTP4LOption{WithUTCOffset(37 * time.Second)}, ""},
		"offset of years":            {func(r *report) { r.status.MasterOffset = 1 << 62 }, nil, "above the limit"},
		"offset that is no number":   {func(r *report) { r.status.MasterOffset = -1 << 63 }, nil, "makes no sense"},
		"no Sync":                    {func(r *report) { r.status.IngressTime = 0 }, nil, "not received any Sync"},
		"a Sync of tomorrow":         {func(r *report) { r.status.IngressTime += int64(24 * time.Hour) }, nil, "stepped"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			p := h.source(t, c.options...)
			first := h.report
			c.change(&first)
			_, _ = p.evaluate(first, h.readClock())
			h.pass(10 * time.Millisecond)
			h.sync(0)
			h.pass(10 * time.Millisecond)
			c.change(&h.report)
			s, err := p.evaluate(h.report, h.readClock())
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, trueIn(p).Add(time.Duration(h.counter)), s.Earliest.Add(s.Claim), "the middle is the truth, whatever E is")
				requireTrueSince(t, trueIn(p), s)
				return
			}
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// answer makes ptp4l's answer to a question.
func answer(q question, data []byte) []byte {
	b := q.encode()
	b[46] = actionResponse
	putIdentity(b[34:], q.from)
	putIdentity(b[20:], protocol.PortIdentity{ClockIdentity: 7, PortNumber: q.port})
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[50:], uint16(2+len(data)))
	return b
}

func TestAnswerIsMatchedWithItsQuestion(t *testing.T) {
	q := question{id: idTimeProperties, port: 3, domain: 4, sequence: 500, from: protocol.PortIdentity{ClockIdentity: 8, PortNumber: 1}}
	good := answer(q, []byte{0, 37, 0x3c, 0x20})
	var set timeProperties
	require.NoError(t, q.decode(good, &set))
	require.Equal(t, timeProperties{UTCOffset: 37, Flags: 0x3c, Source: 0x20}, set)
	for name, at := range map[string]int{"domain": 4, "port": 29, "sequence": 31, "asker": 40, "action": 46, "TLV": 49, "data set": 53} {
		other := append([]byte(nil), good...)
		other[at]++
		require.ErrorIs(t, q.decode(other, &set), errOtherMessage, name)
	}
	for size := range byte(2) { // of the data, which begins with two bytes of its own
		short := append([]byte(nil), good...)
		short[51] = size
		require.ErrorIs(t, q.decode(short, &set), truetime.ErrUnusable)
	}
	for n := range good {
		require.Error(t, q.decode(good[:n], &set), "%d bytes of %d", n, len(good))
	}
	require.ErrorIs(t, q.decode(answer(q, []byte{0, 37, 0x3c}), &set), truetime.ErrUnusable)

	refusal := answer(q, make([]byte, 8))
	refusal[49] = tlvErrorStatus
	binary.BigEndian.PutUint16(refusal[52:], uint16(protocol.ErrorNoSuchID))
	binary.BigEndian.PutUint16(refusal[54:], q.id)
	err := q.decode(refusal, &set)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "NO_SUCH_ID")
}

// The layouts are those of linuxptp's ddt.h, ds.h and tlv.h.
func TestDataSetsHaveTheSizeOfPTP4Ls(t *testing.T) {
	for want, set := range map[int]any{20: defaultDataSet{}, 18: currentDataSet{}, 32: parentDataSet{}, 4: timeProperties{}, 50: timeStatus{}, 8: grandmasterSettings{}, 12 + 1 + maxInterfaceName: portProperties{}} {
		require.Equal(t, want, binary.Size(set), "%T", set)
	}
}

func TestSystemClockOfAnotherCenturyIsAStep(t *testing.T) {
	for _, wall := range []truetime.Time{-1 << 63, 1<<63 - 1} {
		now, from := reading{0, wall, 1000}, reading{0, 0, 1000}
		require.Positive(t, now.deviation(from))
		require.True(t, now.stepped(from, truetime.PollInfo{}))
	}
}

// It is slewed, and back: when the Sync came in it was elsewhere.
func TestAClockThatRunsAwayAndComesBackIsCovered(t *testing.T) {
	h := newHost()
	h.clock = -400 * time.Microsecond
	p := h.source(t)
	_, _ = p.evaluate(h.report, h.readClock())
	h.pass(time.Second)
	h.clock += 400 * time.Microsecond
	h.sync(0)
	h.pass(time.Millisecond)
	s, err := p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
	h.requireTrue(t, s)
	for range 2 * maxReadings {
		h.pass(time.Second)
		s, err = p.evaluate(h.report, h.readClock())
		require.NoError(t, err)
		h.requireTrue(t, s)
	}
	h.clock -= 400 * time.Microsecond
	h.pass(time.Second)
	s, err = p.evaluate(h.report, h.readClock())
	require.NoError(t, err)
	h.requireTrue(t, s)
}

// The next master is better, and ptp4l has steered the clock to the last one: until a Delay_Resp has come it tells of Syncs
// of the one with the offset from the other.
func TestOffsetFromTheLastMasterIsNotThatFromTheNext(t *testing.T) {
	h := newHost()
	h.clock = -time.Millisecond
	h.report.parent.Accuracy = 0x2A // 2.5 ms
	p := h.source(t)
	s, err := h.poll(p, time.Millisecond)
	require.NoError(t, err)
	h.requireTrue(t, s)
	h.report.parent.Grandmaster, h.report.status.Grandmaster, h.report.parent.Accuracy = 3, 3, 0x21
	polls := func(n int, measures func()) (used int) {
		for range n {
			h.pass(125 * time.Millisecond)
			h.report.status.IngressTime = int64(h.wall())
			measures()
			h.pass(time.Millisecond)
			if s, err := p.evaluate(h.report, h.readClock()); err == nil {
				h.requireTrue(t, s)
				used++
			} else {
				require.ErrorIs(t, err, truetime.ErrUnusable)
			}
		}
		return used
	}
	require.Zero(t, polls(10, func() {}))
	require.Equal(t, 10, polls(10, func() { h.sync(0) }))
}

// The cable was out, or there was another master for a while, whose offset could not be used. What ptp4l tells when the first
// is back is not from it.
func TestOffsetFromAMasterThatWasAwayIsNotItsOwn(t *testing.T) {
	for name, away := range map[string]func(*report){
		"nobody":                  func(r *report) { r.follows = false },
		"one that claims nothing": func(r *report) { r.parent.Grandmaster, r.status.Grandmaster, r.parent.Accuracy = 3, 3, 0xFE },
	} {
		h := newHost()
		h.clock = 100 * time.Microsecond
		p := h.source(t)
		s, err := h.poll(p, 0)
		require.NoError(t, err, name)
		h.requireTrue(t, s)
		before := h.report
		away(&h.report)
		for range 3 {
			_, err = h.poll(p, -h.clock) // as the other says
			require.Error(t, err, name)
		}
		wrong := h.report.status.MasterOffset
		h.report = before
		h.report.status.MasterOffset = wrong
		for range 10 { // Syncs, and no Delay_Resp yet
			h.pass(125 * time.Millisecond)
			h.report.status.IngressTime = int64(h.wall())
			h.pass(time.Millisecond)
			_, err = p.evaluate(h.report, h.readClock())
			require.ErrorIs(t, err, truetime.ErrUnusable, name)
		}
		s, err = h.poll(p, 1)
		require.NoError(t, err, name)
		h.requireTrue(t, s)
	}
}

// Of a ptp4l that is new to this source nobody knows when it has changed its master.
func TestTheFirstOffsetHasToBeSeenToChange(t *testing.T) {
	h := newHost()
	p := h.newSource(t)
	for range 5 {
		_, err := h.poll(p, 0)
		require.ErrorContains(t, err, "it has to change first")
	}
	s, err := h.poll(p, 1)
	require.NoError(t, err)
	h.requireTrue(t, s)
}

func TestALeapSecondAnnouncedWhileNoAccuracyIsClaimedIsRemembered(t *testing.T) {
	h := newHost()
	p := h.source(t)
	h.report.time.Flags |= uint8(protocol.FlagLeap61)
	h.report.parent.Accuracy = 0xFE
	_, err := h.poll(p, 0)
	require.Error(t, err)
	h.report.time.Flags &^= uint8(protocol.FlagLeap61)
	h.report.parent.Accuracy = 0x21
	h.clock = time.Second
	_, err = h.poll(p, -time.Second)
	require.Error(t, err)
	_, err = h.poll(p, -time.Second)
	require.ErrorContains(t, err, "announces a leap second")
}
