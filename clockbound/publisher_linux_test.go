package clockbound

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// mapped is a client that has the file at path mapped, as ClockBound's do.
func mapped(t testing.TB, path string) *client {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	memory, err := unix.Mmap(int(f.Fd()), 0, 80, unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	words := (*[10]uint64)(unsafe.Pointer(unsafe.SliceData(memory)))
	c := &client{load: func(at int) uint64 { return atomic.LoadUint64(&words[at/8]) }}
	require.NoError(t, c.open())
	return c
}

// realtime is a clock that takes CLOCK_REALTIME for true time, to a millisecond.
type realtime struct{}

func (realtime) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Millisecond), Latest: now.Add(time.Millisecond)}, nil
}

func create(t *testing.T, path string) *mapping {
	t.Helper()
	m, err := createSegment(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.close() })
	return m
}

func TestPublisherServesClientsUntilItIsClosed(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "run", "clockbound", "shm0")
	p, err := NewPublisher(realtime{}, path, WithMaxSlew(83_333), WithPeriod(time.Millisecond))
	require.NoError(t, err)
	require.NoError(t, p.Status().Err, "it has written before it returns")
	c := mapped(t, path)
	for range 100 {
		require.NoError(t, c.snapshot())
		now := time.Now().UnixNano()
		earliest, latest, s, err := c.now(now, coarse(t))
		require.NoError(t, err)
		require.Equal(t, clientSynchronized, s)
		require.Less(t, earliest, now-int64(time.Millisecond))
		require.Greater(t, latest, now+int64(time.Millisecond))
	}
	_, err = NewPublisher(realtime{}, path, WithMaxSlew(83_333))
	require.ErrorContains(t, err, "another Publisher writes it")

	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.NoError(t, c.snapshot())
	_, _, s, err := c.now(time.Now().UnixNano(), coarse(t))
	require.NoError(t, err)
	require.Equal(t, clientUnknown, s)
	require.ErrorContains(t, p.Status().Err, "was closed")
}

// Its clients never look for another file, so the one that they have is written again.
func TestRestartTakesTheFileOverWithItsClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shm0")
	var c *client
	for n := range 3 {
		p, err := NewPublisher(realtime{}, path, WithMaxSlew(1000))
		require.NoError(t, err)
		if n == 0 {
			c = mapped(t, path)
		}
		require.NoError(t, c.snapshot())
		_, _, s, err := c.now(0, coarse(t))
		require.NoError(t, err)
		require.Equal(t, clientSynchronized, s, "restart %d", n)
		require.NoError(t, p.Close())
	}
}

func TestSegmentOfAClockBoundDaemonIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shm0")
	require.NoError(t, os.WriteFile(path, vectorBytes(t), 0o600))
	c := mapped(t, path)
	m := create(t, path)
	require.EqualValues(t, 2, m.generation)
	require.NoError(t, m.write(content{bound: 5, status: statusSynchronized}))
	require.NoError(t, c.snapshot())
	require.Equal(t, content{bound: 5, status: statusSynchronized}.encode(4), segment(c.cached))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm(), "everybody may read it")
}

func TestFileThatIsSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	other := vectorContent().encode(2)
	other[versionAt] = 3
	for name, b := range map[string][]byte{"text": []byte("this is a file of somebody's, and longer than eighty bytes, which nobody wants to lose at all"), "v3": other[:], "short": []byte("hello"), "a byte": []byte("h"), "most of a header": []byte("NZMX56789012345")} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, b, 0o644))
		_, err := NewPublisher(realtime{}, path, WithMaxSlew(0))
		require.ErrorContains(t, err, "the file that is there is left alone", name)
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, b, got)
	}
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err := NewPublisher(realtime{}, pipe, WithMaxSlew(0))
	require.ErrorContains(t, err, "it is no regular file")
	_, err = NewPublisher(realtime{}, dir, WithMaxSlew(0))
	require.Error(t, err)
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(pipe, link))
	_, err = NewPublisher(realtime{}, link, WithMaxSlew(0))
	require.ErrorContains(t, err, "it is a symbolic link")
}

// A file that was never written to the end is no client's.
func TestFileThatIsHalfMadeIsReplaced(t *testing.T) {
	whole := vectorContent().encode(2)
	wiped := whole
	wiped[versionAt] = 0
	for name, b := range map[string][]byte{"empty": nil, "cut": whole[:40], "wiped": wiped[:]} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, b, 0o644))
		before, err := os.Stat(path)
		require.NoError(t, err)
		m := create(t, path)
		require.False(t, os.SameFile(before, m.info), "and not truncated or filled: somebody may have it mapped")
		mapped(t, path)
	}
}

func TestGenerationWraps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shm0")
	s := vectorContent().encode(65532)
	require.NoError(t, os.WriteFile(path, s[:], 0o644))
	m, c := create(t, path), mapped(t, path)
	for n, want := range []uint16{65534, 2, 4} {
		require.NoError(t, m.write(content{bound: time.Duration(n)}))
		require.NoError(t, c.snapshot())
		require.Equal(t, content{bound: time.Duration(n)}.encode(want), segment(c.cached))
	}
}

// After any store of an update the writer may die. Clients go on with what they have, and so does
// whoever writes next.
func TestWriterThatDiesInAnUpdateTearsNothing(t *testing.T) {
	before, after := vectorContent(), content{asOf: 1, voidAfter: 2, bound: 3, driftPPB: 4, marker: 5, status: statusFreeRunning, marked: true}
	path := filepath.Join(t.TempDir(), "shm0")
	m, c := create(t, path), mapped(t, path)
	for stores := range segmentWords - 1 {
		require.NoError(t, m.write(before))
		require.NoError(t, c.snapshot())
		m.begin()
		s := after.encode(m.generation)
		for i := range stores {
			m.words[2+i].Store(s.uint64(8 * (2 + i)))
		}
		require.NoError(t, c.snapshot())
		require.Equal(t, before, decoded(t, c.cached), "after %d stores", stores)
		f, err := os.Open(path)
		require.NoError(t, err)
		if stores == 4 { // it takes a tenth of a second
			_, err = copySegment(t.Context(), f)
			require.ErrorIs(t, err, errUpdating)
		}
		require.NoError(t, f.Close())

		m = create(t, path)
		require.True(t, updating(m.generation))
		require.NoError(t, m.write(after))
		require.NoError(t, c.snapshot())
		require.Equal(t, after, decoded(t, c.cached))
	}
}

func decoded(t *testing.T, b [80]byte) content {
	t.Helper()
	s := segment(b)
	c, err := s.decode()
	require.NoError(t, err)
	return c
}

// Every field of an update has the same number in it.
func TestNobodySeesPartsOfTwoUpdates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shm0")
	m := create(t, path)
	uniform := func(n int64) content {
		return content{asOf: n, voidAfter: n, bound: time.Duration(n), marker: uint64(n), driftPPB: uint32(n), status: statusSynchronized}
	}
	require.NoError(t, m.write(uniform(0)))
	end := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for n := int64(1); ; n++ {
			select {
			case <-end:
				return
			default:
			}
			if !assert.NoError(t, m.write(uniform(n%1e8))) {
				return
			}
			if n%64 == 0 {
				time.Sleep(time.Microsecond) // so that a copy can succeed
			}
		}
	})
	clients := []*client{mapped(t, path), mapped(t, path)}
	for _, c := range clients {
		readers.Go(func() {
			for range 20_000 {
				if !assert.NoError(t, c.snapshot()) {
					return
				}
				s := segment(c.cached)
				got, err := s.decode()
				if c.last != 0 && !(assert.NoError(t, err) && assert.Equal(t, uniform(got.asOf), got)) {
					return
				}
			}
		})
	}
	readers.Go(func() {
		f, err := os.Open(path)
		if !assert.NoError(t, err) {
			return
		}
		defer f.Close()
		for range 1000 {
			s, err := copySegment(t.Context(), f)
			if errors.Is(err, errUpdating) {
				continue
			}
			got, err := s.decode()
			if !(assert.NoError(t, err) && assert.Equal(t, uniform(got.asOf), got)) {
				return
			}
		}
	})
	readers.Wait()
	close(end)
	writer.Wait()
}

// Somebody else's truncation raises SIGBUS in the writer.
func TestFileThatIsTruncatedOrRemovedIsMadeAnewAndKillsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clockbound", "shm0")
	p, _, err := newPublisher(realtime{}, path, thisHost{}, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	defer p.lock.Close()
	for n, harm := range []func() error{
		func() error { return os.Truncate(path, 0) },
		func() error { return os.Remove(path) },
		func() error { return os.RemoveAll(filepath.Dir(path)) }, // as systemd does to a unit's RuntimeDirectory
	} {
		p.publish()
		require.NoError(t, p.Status().Err)
		require.NoError(t, harm())
		p.publish()
		require.NoError(t, p.Status().Err)
		require.EqualValues(t, n+1, p.Status().Renewed)
		c := mapped(t, path)
		require.NoError(t, c.snapshot())
		_, _, s, err := c.now(0, coarse(t))
		require.NoError(t, err)
		require.Equal(t, clientSynchronized, s)
	}
}

func TestAnotherWriterOfTheFileIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shm0")
	p, _, err := newPublisher(realtime{}, path, thisHost{}, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	defer p.lock.Close()
	p.publish()
	daemon := create(t, path)
	require.NoError(t, daemon.write(vectorContent()))
	p.publish()
	require.ErrorIs(t, p.Status().Err, errOtherWriter)

	path = filepath.Join(t.TempDir(), "shm0")
	p, _, err = newPublisher(realtime{}, path, thisHost{}, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(t, err)
	defer p.lock.Close()
	p.publish()
	old := mapped(t, path)
	s := vectorContent().encode(2)
	require.NoError(t, os.WriteFile(path+".x", s[:], 0o644))
	require.NoError(t, os.Rename(path+".x", path))
	p.publish()
	require.ErrorContains(t, p.Status().Err, "the file was replaced")
	require.NoError(t, old.snapshot())
	_, _, status, err := old.now(0, coarse(t))
	require.NoError(t, err)
	require.Equal(t, clientUnknown, status, "nobody writes any more for whoever has the old one")
}

// What one side writes the other reads.
func TestSourceReadsWhatAPublisherWrites(t *testing.T) {
	path := memoryFile(t)
	p, err := NewPublisher(realtime{}, path, WithMaxSlew(1000), WithPeriod(10*time.Millisecond))
	require.NoError(t, err)
	defer p.Close()
	s, err := Source(path).Sample(t.Context(), system(t))
	require.NoError(t, err)
	require.Greater(t, s.Claim, time.Millisecond)
	require.Less(t, s.Earliest, truetime.FromStd(time.Now()))
}

// later is a server whose clock is a second ahead of CLOCK_REALTIME, which is true time here.
type later string

func (l later) Info() truetime.SourceInfo { return truetime.SourceInfo{Name: string(l)} }

func (l later) Sample(_ context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	sent := counter.Now()
	i, err := realtime{}.Now()
	return truetime.Sample{Sent: sent, Latest: i.Latest.Add(time.Second), Received: counter.Now(), Earliest: i.Earliest.Add(time.Second)}, err
}

// On this machine's own clocks: a daemon claims that CLOCK_REALTIME is right, and two servers know
// better.
func TestSegmentThatLiesIsOutvotedOnRealClocks(t *testing.T) {
	path := memoryFile(t)
	daemon, err := NewPublisher(realtime{}, path, WithMaxSlew(1000), WithPeriod(10*time.Millisecond))
	require.NoError(t, err)
	defer daemon.Close()
	clock, err := truetime.New([]truetime.Source{Source(path), later("a"), later("b")}, truetime.WithPoll(100*time.Millisecond, 100*time.Millisecond))
	require.NoError(t, err)
	defer clock.Close()
	heard := func() bool { s := clock.Status(); return s.Heard == 3 && s.Sources[0].Verdict == truetime.Falseticker }
	for end := time.Now().Add(time.Minute); !heard() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	require.True(t, heard(), "%s", clock.Status().Summary())
	before := time.Now()
	i, err := clock.Now()
	after := time.Now()
	require.NoError(t, err)
	require.GreaterOrEqual(t, i.Latest, truetime.FromStd(before).Add(time.Second))
	require.LessOrEqual(t, i.Earliest, truetime.FromStd(after).Add(time.Second))
}

// What it takes until clients are told is logged.
func TestStepOfThisMachinesClockIsToldAtOnce(t *testing.T) {
	testbed.MaySetTime(t)
	path := memoryFile(t)
	p, err := NewPublisher(realtime{}, path, WithMaxSlew(1000))
	require.NoError(t, err)
	defer p.Close()
	counter := system(t)
	for n := range uint64(20) {
		by := time.Millisecond
		if n%2 == 1 {
			by = -by
		}
		testbed.StepRealtime(t, by)
		set := counter.Now()
		for p.Status().Steps <= n {
			require.Less(t, counter.Now().Sub(set), time.Minute)
		}
		t.Logf("told after %v", counter.Now().Sub(set))
	}
}

func BenchmarkSample(b *testing.B) {
	path := memoryFile(b)
	write(b, path, present(b, time.Millisecond))
	source, counter := Source(path), system(b)
	for b.Loop() {
		if _, err := source.Sample(b.Context(), counter); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	path := memoryFile(b)
	p, n, err := newPublisher(realtime{}, path, thisHost{}, []PublisherOption{WithMaxSlew(1000)})
	require.NoError(b, err)
	defer n.Close()
	defer p.lock.Close()
	for b.Loop() {
		p.publish()
	}
}
