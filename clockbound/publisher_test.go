package clockbound

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

// scriptedHost is a machine on which one thing after the other happens to a Publisher.
type scriptedHost struct {
	asOf     int64
	real     truetime.Time
	interval truetime.Interval
	refuse   error // of the clock
	noWatch  error
	sets     int
	inNow    func() // happens while the clock is asked
	inWrite  func() // and while the segment is written
	gone     error  // what has become of the file
	noLook   error  // at its path
	writes   []segment
	creates  int
	noCreate error
	noticed  chan bool
}

func newScriptedHost() *scriptedHost {
	return &scriptedHost{
		asOf: 792_560_468_849, real: wallStart, noticed: make(chan bool),
		interval: truetime.Interval{Earliest: wallStart.Add(-300), Latest: wallStart.Add(500)},
	}
}

func (h *scriptedHost) usable() error                { return nil }
func (h *scriptedHost) coarse() (int64, error)       { return h.asOf, nil }
func (h *scriptedHost) tick() (time.Duration, error) { return 4 * time.Millisecond, nil }
func (h *scriptedHost) wall() truetime.Time          { return h.real }
func (h *scriptedHost) watch() (watch, error)        { return scriptedWatch{h, h.sets}, h.noWatch }
func (h *scriptedHost) notice() (notice, error)      { return h, nil }
func (h *scriptedHost) Wait() bool                   { return <-h.noticed }
func (h *scriptedHost) Close() error                 { close(h.noticed); return nil }
func (h *scriptedHost) present() error               { return cmp.Or(h.noLook, h.gone) }
func (h *scriptedHost) close() error                 { return nil }

func (h *scriptedHost) create(string) (segmentFile, error) {
	h.creates++
	if h.noCreate != nil {
		return nil, h.noCreate
	}
	h.gone = nil
	return h, nil
}

func (h *scriptedHost) Now() (truetime.Interval, error) {
	if h.inNow != nil {
		h.inNow()
	}
	return h.interval, h.refuse
}

func (h *scriptedHost) write(c content) error {
	if h.gone != nil {
		return h.gone
	}
	h.writes = append(h.writes, c.encode(2))
	if h.inWrite != nil {
		h.inWrite()
	}
	return nil
}

// last is what clients see.
func (h *scriptedHost) last(t *testing.T) content {
	t.Helper()
	require.NotEmpty(t, h.writes)
	c, err := h.writes[len(h.writes)-1].decode()
	require.NoError(t, err)
	return c
}

type scriptedWatch struct {
	host  *scriptedHost
	begun int
}

func (w scriptedWatch) WasSet() bool { return w.host.sets != w.begun }

// publisher is one that writes when it is told to.
func (h *scriptedHost) publisher(t *testing.T, options ...PublisherOption) *Publisher {
	t.Helper()
	options = append([]PublisherOption{WithMaxSlew(1000)}, options...)
	p, _, err := newPublisher(h, filepath.Join(t.TempDir(), "shm0"), h, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.lock.Close()) })
	return p
}

// The whole of it, by hand from the table: as_of 792.560468849 s and 5 s more, 500 ns to the farther
// end, six ticks of 4 ms and pauses of 100 ms by 1714 ppm, and 4 ns.
func TestWhatIsWrittenIsOfTheLayoutToTheByte(t *testing.T) {
	vectorBytes(t)
	h := newScriptedHost()
	p := h.publisher(t)
	p.publish()
	require.EqualValues(t, 1_714_188, p.motion.driftPPB)
	const bound = 500 + 1_069_654 + 4 // 624 ms · 1 714 188 · 10⁻⁹ = 1 069 653.312 ns
	require.Equal(t, fmt.Sprintf("%x", ""+
		"\x4e\x5a\x4d\x41\x00\x02\x42\x43"+"\x50\x00\x00\x00"+"\x02\x00"+"\x02\x00"+
		"\x18\x03\x00\x00\x00\x00\x00\x00"+"\x71\x13\x68\x21\x00\x00\x00\x00"+
		"\x1d\x03\x00\x00\x00\x00\x00\x00"+"\x71\x13\x68\x21\x00\x00\x00\x00"+
		"\x4e\x54\x10\x00\x00\x00\x00\x00"+"\x00\x00\x00\x00\x00\x00\x00\x00"+
		"\x0c\x28\x1a\x00"+"\x01\x00\x00\x00"+"\x00"+"\x00\x00\x00\x00\x00\x00\x00"),
		fmt.Sprintf("%x", h.writes[0][:]))
	require.EqualValues(t, bound, 0x10544e)
	require.Equal(t, PublisherStatus{Path: p.path, Bound: bound, Writes: 1}, p.Status())
}

func TestClientsAreToldThatNothingIsKnownWhereNothingIs(t *testing.T) {
	for want, script := range map[string]func(h *scriptedHost){
		"truetime: not synchronized":                       func(h *scriptedHost) { h.refuse = truetime.ErrNotSynchronized },
		"the clock answered no interval":                   func(h *scriptedHost) { h.interval = truetime.Interval{} },
		"cannot tell whether CLOCK_REALTIME is set":        func(h *scriptedHost) { h.noWatch = errors.New("no timer") },
		"CLOCK_REALTIME went back by 1ms":                  func(h *scriptedHost) { h.inNow = func() { h.real -= 1e6 } },
		"set it":                                           func(h *scriptedHost) { h.real = 0 },
		"CLOCK_REALTIME was set":                           func(h *scriptedHost) { h.inNow = func() { h.sets++ } },
		"CLOCK_REALTIME was set" + " while it was written": func(h *scriptedHost) { h.inWrite = func() { h.inWrite = nil; h.sets++ } },
	} {
		h := newScriptedHost()
		p := h.publisher(t)
		p.publish()
		require.Equal(t, statusSynchronized, h.last(t).status)
		script(h)
		bounds := 1 // the one before
		if h.inWrite != nil {
			bounds++ // which was not known to be wrong yet
		}
		p.publish()
		c := h.last(t)
		require.Equal(t, statusUnknown, c.status, want)
		require.GreaterOrEqual(t, c.bound, unknownBound, "no narrow interval stands beside it")
		require.Equal(t, c.asOf, c.voidAfter)
		for _, w := range h.writes {
			if written, err := w.decode(); err == nil && written.status != statusUnknown {
				bounds--
			}
		}
		require.Zero(t, bounds, "%s: a bound was shown that was known to be wrong", want)
		require.Zero(t, p.Status().Bound)
		require.ErrorContains(t, p.Status().Err, want[:min(len(want), 22)])

		calm := newScriptedHost()
		h.refuse, h.noWatch, h.inNow, h.inWrite, h.real, h.interval = nil, nil, nil, nil, calm.real, calm.interval
		p.publish()
		require.Equal(t, statusSynchronized, h.last(t).status)
		require.NoError(t, p.Status().Err)
	}
}

// What was written is of the clock before. It takes no write of its turn to say so.
func TestStepIsToldAtOnceAndUntilTheNextWrite(t *testing.T) {
	h := newScriptedHost()
	p := h.publisher(t)
	p.publish()
	p.stepped()
	require.Equal(t, statusUnknown, h.last(t).status)
	require.EqualValues(t, 1, p.Status().Steps)
	h.real = h.real.Add(time.Second)
	p.publish()
	require.Equal(t, statusSynchronized, h.last(t).status)
	require.Greater(t, h.last(t).bound, time.Second, "the clock is a second off now")
}

// Without the timer a step would go unnoticed until the next write.
func TestPublisherThatCannotNoticeStepsGivesUp(t *testing.T) {
	h := newScriptedHost()
	p, n, err := newPublisher(h, filepath.Join(t.TempDir(), "shm0"), h, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	p.start(n)
	close(h.noticed)
	for p.Status().Err == nil {
		time.Sleep(time.Millisecond)
	}
	require.ErrorContains(t, p.Status().Err, "the timer that tells whether CLOCK_REALTIME is set has failed")
	h.noticed = make(chan bool)
	require.Error(t, p.Close())
	require.Equal(t, statusUnknown, h.last(t).status)
}

// What cannot be looked at has not changed: its clients get what is known, and are told of a step and of the end.
func TestFileWhosePathCannotBeLookedAtIsWritten(t *testing.T) {
	h := newScriptedHost()
	p, _, err := newPublisher(h, filepath.Join(t.TempDir(), "shm0"), h, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	h.noLook = fs.ErrPermission
	p.publish()
	require.NoError(t, p.Status().Err)
	require.Equal(t, statusSynchronized, h.last(t).status)
	p.stepped()
	require.Equal(t, statusUnknown, h.last(t).status)
	p.publish()
	require.NoError(t, p.Close())
	require.Equal(t, statusUnknown, h.last(t).status)
	require.ErrorContains(t, p.Status().Err, "the Publisher was closed")
}

func TestCloseThatCannotTellSaysSo(t *testing.T) {
	h := newScriptedHost()
	p, _, err := newPublisher(h, filepath.Join(t.TempDir(), "shm0"), h, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	p.publish()
	h.gone, h.noCreate = errCut, errors.New("read-only file system")
	require.ErrorContains(t, p.Close(), "read-only file system")
}

func TestAnotherWriterEndsIt(t *testing.T) {
	h := newScriptedHost()
	p := h.publisher(t)
	p.publish()
	h.gone = errOtherWriter
	p.publish()
	require.ErrorContains(t, p.Status().Err, "a ClockBound daemon does")
	h.gone = nil
	writes := len(h.writes)
	p.publish()
	p.stepped()
	require.Len(t, h.writes, writes)
	require.ErrorIs(t, p.Status().Err, errOtherWriter)
}

func TestFileThatIsGoneOrCutIsMadeAnew(t *testing.T) {
	for _, gone := range []error{fs.ErrNotExist, errCut} {
		h := newScriptedHost()
		p := h.publisher(t)
		p.publish()
		h.gone = gone
		p.publish()
		require.NoError(t, p.Status().Err)
		require.EqualValues(t, 1, p.Status().Renewed)
		require.Equal(t, statusSynchronized, h.last(t).status)
		for _, reason := range []error{errors.New("read-only file system"), fs.ErrNotExist, errCut} {
			h.gone, h.noCreate = gone, reason
			for range 3 {
				p.publish()
				require.ErrorContains(t, p.Status().Err, "make the file anew: "+reason.Error())
			}
			h.noCreate = nil
			p.publish()
			require.NoError(t, p.Status().Err)
		}
	}
}

func TestMarkerIsWrittenIfItIsTheSameBeforeAndAfterTheAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmclock0")
	_, _, err := newPublisher(newScriptedHost(), filepath.Join(t.TempDir(), "shm0"), newScriptedHost(), []PublisherOption{WithMaxSlew(1), WithVMClock(path)})
	require.Error(t, err)
	setMarker(t, path, 7)
	if _, err := vmclock.Open(path); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	h := newScriptedHost()
	p := h.publisher(t, WithVMClock(path))
	p.publish()
	require.True(t, h.last(t).marked)
	require.EqualValues(t, 7, h.last(t).marker)
	h.inNow = func() { setMarker(t, path, 8) }
	p.publish()
	require.Equal(t, statusUnknown, h.last(t).status)
	require.ErrorContains(t, p.Status().Err, "the VMClock's marker has changed")
	h.inNow = nil
	p.publish()
	require.Equal(t, statusSynchronized, h.last(t).status)
	require.EqualValues(t, 8, h.last(t).marker)
}

func TestMistakesOfAPublisherAreReportedAllAtOnce(t *testing.T) {
	var none *truetime.Clock
	_, _, err := newPublisher(none, "", newScriptedHost(), []PublisherOption{nil, WithPeriod(time.Second), WithDrift(0), WithVMClock(""), WithLongestPause(-1)})
	for _, want := range []string{"the path of the segment is empty", "WithMaxSlew is missing", "100000 for chronyd as it comes, 1000 if its configuration has maxslewrate 1000 and maxdrift 500", "the clock is nil", "an option is nil", "period of 1s", "drift of 0 ppm", "longest pause of -1ns: it must be 0 to 5s", "the path of the VMClock device is empty"} {
		require.ErrorContains(t, err, want)
	}
	_, _, err = newPublisher(newScriptedHost(), "\x00", newScriptedHost(), []PublisherOption{WithMaxSlew(-1)})
	require.ErrorContains(t, err, "maximum slew of -1 ppm")
	require.ErrorContains(t, err, "NUL")
}
