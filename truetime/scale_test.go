package truetime

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// inScale is a source that is right, at once, in a scale. True TAI is at when the counter is 0.
type inScale struct {
	name  string
	scale Scale
	at    leap.TAI
	ahead time.Duration // by which it is wrong
}

func (s inScale) Info() SourceInfo { return SourceInfo{Name: s.name, Scale: s.scale} }

func (s inScale) Sample(_ context.Context, counter monotonic.Counter) (Sample, error) {
	c := counter.Now()
	t := s.at + leap.TAI(c) + leap.TAI(s.ahead)
	shown := Time(t)
	switch {
	case s.scale == ScaleUTC:
		shown -= Time(37 * time.Second)
	case s.scale != ScaleTAI:
		shown = Time(leap.BuiltIn().Smeared(t, leap.Down))
	}
	const claim = time.Microsecond
	return Sample{Sent: c, Received: c, Latest: shown.Add(claim), Earliest: shown.Add(-claim)}, nil
}

// stands is a counter that stands.
type stands monotonic.Instant

func (s stands) Now() monotonic.Instant { return monotonic.Instant(s) }

// tai is true TAI at a moment of stepped UTC.
func tai(t *testing.T, utc time.Time) leap.TAI {
	t.Helper()
	at, ok := leap.BuiltIn().FromUTC(leap.UTC(utc.UnixNano()))
	require.True(t, ok)
	return at
}

func synchronized(t *testing.T, at leap.TAI, sources []Source, options ...Option) *Clock {
	t.Helper()
	c, err := New(sources, append([]Option{WithCounter(stands(1000)), WithPlausibleSince(1)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		changed := c.Changed()
		silent := false
		for _, s := range c.Status().Sources {
			silent = silent || s.Reach == 0
		}
		if !silent {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal(c.Status().Summary())
		}
	}
	require.NoError(t, c.WaitSynchronized(ctx, time.Second))
	return c
}

func TestSourcesOfAllScalesAgree(t *testing.T) {
	at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	var sources []Source
	for i, s := range []Scale{ScaleUTC, ScaleUTCSmeared, ScaleTAI} {
		sources = append(sources, Group(fmt.Sprint("group ", i), inScale{fmt.Sprint("source ", i), s, at, 0})...)
	}
	c := synchronized(t, at, sources, WithFaulty(0))
	truth := int64(at) + 1000
	i, err := c.Now()
	require.NoError(t, err)
	require.True(t, i.Contains(Time(truth-37*int64(time.Second))), "%v", i)
	require.Less(t, i.Uncertainty(), 2*time.Microsecond)
	ti, err := c.NowTAI()
	require.NoError(t, err)
	require.True(t, ti.Contains(TAI(truth)), "%v", ti)
	require.Equal(t, i.Uncertainty(), ti.Uncertainty())
	require.False(t, ti.After(TAI(truth)))
	require.False(t, ti.Before(TAI(truth)))
	require.Contains(t, ti.String(), "2026-11-20T12:00:37.")
	status := c.Status()
	require.Contains(t, status.LeapSeconds.String(), "no leap second near; table of")
	require.Equal(t, ScaleUTCSmeared, status.Sources[1].Scale)
	for _, s := range status.Sources {
		require.Equal(t, Truechimer, s.Verdict, "%+v", s)
		require.True(t, s.Interval.Contains(Time(truth-37*int64(time.Second))), "%v", s.Interval)
	}
}

// Whoever wraps sources does not lose that they serve TAI: the answer would be 37 s off.
func TestWrappedSourcesServeTheSameScale(t *testing.T) {
	type wrapper struct{ Source }
	at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	var alone, around, inside []Source
	for i := range 4 {
		s := inScale{fmt.Sprint("source ", i), ScaleTAI, at, 0}
		group := fmt.Sprint("group ", i)
		alone = append(alone, wrapper{s})
		around = append(around, wrapper{Group(group, s)[0]})
		inside = append(inside, Group(group, wrapper{wrapper{s}})...)
	}
	for name, sources := range map[string][]Source{"alone": alone, "around a group": around, "inside a group": inside} {
		c := synchronized(t, at, sources)
		i, err := c.Now()
		require.NoError(t, err)
		require.True(t, i.Contains(Time(at+1000-leap.TAI(37*time.Second))), "%s: %v", name, i)
		require.Equal(t, 4, c.Status().Voters, name)
	}
}

// In the middle of the smear of 31 December 2016 the smeared clock is half a second from the stepped one.
func TestAnswersAreSmearedAroundALeapSecond(t *testing.T) {
	before := tai(t, time.Date(2016, 12, 31, 23, 59, 50, 0, time.UTC)) + leap.TAI(10*time.Second)
	for _, scale := range []Scale{ScaleTAI, ScaleUTCSmeared} {
		c := synchronized(t, before, []Source{inScale{"one", scale, before, 0}})
		i, err := c.Now()
		require.NoError(t, err)
		// The 43200 s of TAI since noon are 86400/86401 of that, and 1000 ns of the counter.
		want := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).Add(-43200 * time.Second / 86401)
		require.WithinDuration(t, want, i.Midpoint().Std(), 10*time.Microsecond, "%v", scale)
		require.Less(t, i.Uncertainty(), 2*time.Microsecond)
		require.Equal(t, "2016-12-31T23:59:60.00000", c.FormatUTC(i.Midpoint())[:25], "%v", i)
		require.Equal(t, "2017-01-01T00:00:00.0000", c.FormatUTC(FromStd(want.Add(time.Second)))[:24])
		ti, err := c.NowTAI()
		require.NoError(t, err)
		require.True(t, ti.Contains(TAI(before+1000)))
	}
}

func TestSourcesThatServeTheAnswersScaleNeedNoTable(t *testing.T) {
	at := tai(t, time.Date(2100, 3, 1, 12, 0, 0, 0, time.UTC)) // the table has expired by then
	c := synchronized(t, at, []Source{inScale{"one", ScaleUTCSmeared, at, 0}})
	require.Equal(t, LeapStatusSmearedBySources, c.Status().LeapSeconds.Status)
	_, err := c.Now()
	require.NoError(t, err)
	_, err = c.NowTAI()
	require.ErrorIs(t, err, ErrTAIUnknown)
}

// A source that serves TAI and does not say how far that is from UTC is of no use once the table has expired.
func TestTAIAloneIsNotEnoughOnceTheTableHasExpired(t *testing.T) {
	at := tai(t, time.Date(2100, 3, 3, 12, 0, 0, 0, time.UTC))
	events := make(chan Event, 1000)
	c, err := New([]Source{inScale{"one", ScaleTAI, at, 0}}, WithCounter(stands(1)), WithEvents(func(e Event) { events <- e }))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	for e := range events {
		if e.Kind == EventPollFailed {
			require.ErrorIs(t, e.Err, ErrUnusable)
			require.ErrorContains(t, e.Err, "the leap second table has expired: install a newer one")
			return
		}
	}
}

func TestAnExpiredTableIsReported(t *testing.T) {
	at := tai(t, time.Date(2100, 3, 3, 12, 0, 0, 0, time.UTC))
	events := make(chan Event, 1000)
	synchronized(t, at, []Source{inScale{"one", ScaleUTC, at, 0}}, WithEvents(func(e Event) { events <- e }))
	for e := range events {
		if e.Kind == EventLeapSeconds {
			require.Regexp(t, "^no leap second near; table of .* expired on .*, install a newer one$", e.String())
			return
		}
	}
}

// list writes a leap-seconds.list.
func list(expiry time.Time, entries ...leap.Entry) string {
	const ntp = 2208988800
	digits := fmt.Sprint(expiry.Unix() + ntp)
	text := "#@ " + digits + "\n"
	for _, e := range entries {
		seconds := int64(e.At)/int64(time.Second) + ntp
		text += fmt.Sprintf("%d %d\n", seconds, e.Offset)
		digits += fmt.Sprintf("%d%d", seconds, e.Offset)
	}
	hash := sha1.Sum([]byte(digits))
	text += "#h"
	for word := range slices.Chunk(hash[:], 4) {
		text += fmt.Sprintf(" %x", word)
	}
	return text + "\n"
}

func TestANewerLeapSecondTableIsUsed(t *testing.T) {
	at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	expiry := time.Date(2095, 1, 1, 0, 0, 0, 0, time.UTC)
	text := list(expiry, append(leap.BuiltIn().Entries(), leap.Entry{At: leap.UTC(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()), Offset: 38})...)
	c := synchronized(t, at, []Source{inScale{"one", ScaleUTC, at, 0}}, WithLeapSeconds(strings.NewReader(text)))
	require.Contains(t, c.Status().LeapSeconds.String(), "valid until 2095-01-01")
	require.Equal(t, "2089-12-31T23:59:60.5", c.FormatUTC(FromStd(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)))[:21])

	_, err := New([]Source{inScale{"one", ScaleUTC, at, 0}}, WithLeapSeconds(strings.NewReader(list(expiry, leap.BuiltIn().Entries()[:10]...))))
	require.ErrorIs(t, err, leap.ErrConflict)
}

// The system's table is read again every day, and a journal with that in it replays.
func TestANewTableOfTheSystemIsLearntWhileTheClockRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
		w := &bytes.Buffer{}
		c, err := New([]Source{inScale{"one", ScaleUTC, at, 0}}, WithCounter(newBubbleCounter(0)), WithRecorder(w), WithLeapSeconds(strings.NewReader(list(time.Date(2027, 7, 28, 0, 0, 0, 0, time.UTC), leap.BuiltIn().Entries()...))), WithPoll(time.Hour, time.Hour), WithPlausibleSince(1))
		require.NoError(t, err)
		zones := t.TempDir()
		install := func(list string) {
			require.NoError(t, os.WriteFile(filepath.Join(zones, "leap-seconds.list"), []byte(list), 0o600))
		}
		reread := func() { c.rereadLeapSeconds(os.DirFS(zones)) }
		pass(time.Second)
		reread()
		require.Empty(t, c.Status().LeapSeconds.TableRefused, "there is no table")
		install("hello")
		reread()
		require.Contains(t, c.Status().LeapSeconds.String(), "not used: leap second table")
		expiry := time.Date(2095, 1, 1, 0, 0, 0, 0, time.UTC)
		install(list(expiry, leap.BuiltIn().Entries()[:10]...))
		reread()
		require.Contains(t, c.Status().LeapSeconds.String(), "not used: leap second tables disagree")
		install(list(expiry, leap.BuiltIn().Entries()...))
		ctx, cancel := context.WithCancel(t.Context())
		c.running.Go(func() { c.keepLeapSeconds(ctx, os.DirFS(zones), time.Minute) })
		pass(65 * time.Second)
		require.Regexp(t, "valid until 2095-01-01$", c.Status().LeapSeconds.String())
		require.EqualValues(t, 1, c.Status().Epoch)

		cancel()
		require.NoError(t, c.Close())
		learnt := 0
		require.NoError(t, journal.Replay(w, func(s journal.Step) error {
			if strings.HasPrefix(s.Text, "learn ") {
				learnt++
			}
			return nil
		}))
		require.Equal(t, 2, learnt)
	})
}

func TestLeapSecondTablesThatCannotBeUsed(t *testing.T) {
	at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	sources := []Source{inScale{"one", ScaleUTC, at, 0}}
	for list, want := range map[string]string{
		"":      "the line #@ is missing",
		"hello": "line 1",
	} {
		_, err := New(sources, WithLeapSeconds(strings.NewReader(list)))
		require.ErrorContains(t, err, want)
	}
	_, err := New(sources, WithLeapSeconds(nil))
	require.ErrorContains(t, err, "the reader is nil")

	// The system's is not the user's mistake, so the clock starts without it, and says so.
	var l leapTable
	l.read(fstest.MapFS{"leap-seconds.list": {Data: []byte("hello")}})
	require.Equal(t, leap.BuiltIn().Expiry(), l.table.Expiry())
	require.Contains(t, l.refused, "leap-seconds.list")
	l = leapTable{}
	l.read(fstest.MapFS{})
	require.Empty(t, l.refused)
	require.NotNil(t, l.table)
}

func TestScalesThatCannotBe(t *testing.T) {
	at := tai(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	_, err := New([]Source{inScale{"one", ScaleTAI + 1, at, 0}})
	require.ErrorContains(t, err, `source 1, "one": scale 3 is none of ScaleUTC`)
}

func TestScalesSayWhatTheyAre(t *testing.T) {
	for scale, want := range map[Scale]string{
		ScaleUTC:        "UTC with steps",
		ScaleUTCSmeared: "UTC smeared from noon to noon",
		ScaleTAI:        "TAI",
	} {
		require.Equal(t, want, scale.String())
	}
}

func TestLeapIndicators(t *testing.T) {
	require.Equal(t, "none insert delete unknown", fmt.Sprint(LeapNone, LeapInsert, LeapDelete, LeapUnknown))
	require.Equal(t, LeapUnknown, Sample{}.Leap, "who says nothing has not said that there is none")
}

// In the middle of a smear, with sources of several scales, everybody may ask for everything, and to ask for the time allocates
// nothing.
func TestAClockOfSeveralScalesIsSafeForManyGoroutinesInASmear(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	at := tai(t, time.Date(2016, 12, 31, 18, 0, 0, 0, time.UTC)) - leap.TAI(counter.Now()) // however long ago the machine was started
	var sources []Source
	for i, s := range []Scale{ScaleTAI, ScaleUTCSmeared, ScaleTAI} {
		sources = append(sources, inScale{fmt.Sprint("source ", i), s, at, 0})
	}
	c, err := New(sources, WithPoll(time.Millisecond, time.Second), WithPlausibleSince(1))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Second))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var earliest Time
			var earliestTAI TAI
			for range 1000 {
				i, err := c.Now()
				tai, errTAI := c.NowTAI()
				if err != nil || errTAI != nil || i.Earliest < earliest || tai.Earliest < earliestTAI || !i.Valid() {
					t.Errorf("%v %v, %v %v", i, err, tai, errTAI)
					return
				}
				earliest, earliestTAI = i.Earliest, tai.Earliest
				_ = c.FormatUTC(i.Latest)
				_ = c.Status()
			}
		})
	}
	all.Wait()
	s := c.Status()
	require.Equal(t, LeapStatusSmearing, s.LeapSeconds.Status, "%v", s)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = c.Now() }))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = c.NowTAI() }))
}
