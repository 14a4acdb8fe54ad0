package hostclock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/durable"
	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

// DefaultPath is where a host's clock is published, and where [Open] looks if it is given no other path.
const DefaultPath = "/run/epsilon/clock"

// heartbeat is the longest time between two publications of a publisher that is alive.
const heartbeat = time.Second

// Publisher publishes a clock to the other processes of its host. It is made by [NewPublisher].
type Publisher struct {
	clock   *truetime.Clock
	path    string
	counter *localcounter.Counter // to say when something was published
	header  header
	after   func()

	published atomic.Uint64
	failure   atomic.Pointer[error]

	// Of the goroutine that publishes.
	lock   *durable.Lock
	mapped *mapping
	id     fileID
	last   record

	close   sync.Once
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// A PublisherOption changes what [NewPublisher] does.
type PublisherOption func(*Publisher)

// WithAfterPublication has f called after each publication, at least once a second as long as the clock and the
// publisher live. It is where a daemon tells its supervisor that it is alive. It must not block: the next
// publication waits for it.
func WithAfterPublication(f func()) PublisherOption { return func(p *Publisher) { p.after = f } }

// NewPublisher publishes a clock to the segment at path, which is [DefaultPath] as a rule: each time that the
// clock publishes, and at least once a second. The last directory of the path is made if it is missing. The clock
// has to be one on the machine's own counter (no truetime.WithCounter but for monotonic.System and monotonic.Raw),
// and not closed; the publisher does not close it. Close it after the publisher, or before: the segment goes on to
// hold the last answer then, which readers extrapolate, and says that nobody publishes any more.
//
// The errors wrap truetime.ErrNotPublishable, truetime.ErrClosed, [ErrPublished] if there is another publisher for the
// path, errors.ErrUnsupported on a system other than Linux, or what the file system says.
func NewPublisher(clock *truetime.Clock, path string, options ...PublisherOption) (*Publisher, error) {
	p := &Publisher{clock: clock, path: path}
	for _, o := range options {
		if o == nil {
			return nil, errors.New("hostclock: an option is nil")
		}
		o(p)
	}
	if err := p.begin(); err != nil {
		return nil, fmt.Errorf("hostclock: %s cannot be published to: %w", path, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() { p.run(ctx) })
	return p, nil
}

// begin makes the first publication, and with it the file.
func (p *Publisher) begin() (err error) {
	host, err := readHost()
	if err != nil {
		return err
	}
	var writer [8]byte
	rand.Read(writer[:])
	p.header = header{host.boot, binary.NativeEndian.Uint64(writer[:]), host.monotonic, host.boottime}
	if p.counter, err = localcounter.Raw(); err != nil {
		return err
	}
	first, err := p.record()
	if err != nil {
		return err
	}
	if err := makeDirectory(filepath.Dir(p.path)); err != nil {
		return err
	}
	if err := p.claim(); err != nil {
		return err
	}
	if err := p.create(first); err != nil {
		return mistakes.Join(err, p.lock.Close())
	}
	return nil
}

// claim takes the lock that says who may publish to the path.
func (p *Publisher) claim() error {
	lock, err := durable.TryLock(p.path + ".lock")
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("%w: stop the other publisher, or give this one another path: %w", ErrPublished, err)
	}
	if err == nil {
		p.lock = lock
	}
	return err
}

// create makes the file anew, with a record in it.
func (p *Publisher) create(r record) error {
	var words [segmentWords]uint64
	header := p.header.words()
	copy(words[:], header[:])
	generation := p.published.Load() + 1
	first := r.words(generation)
	copy(words[slot(generation):], first[:])
	words[wordGeneration] = generation
	mapped, id, err := createFile(p.path, &words)
	if err != nil {
		return err
	}
	p.mapped, p.id, p.last = mapped, id, r
	p.done(generation)
	return nil
}

// done takes note of a publication.
func (p *Publisher) done(generation uint64) {
	p.published.Store(generation)
	if p.after != nil {
		p.after()
	}
}

// record returns what there is to publish.
func (p *Publisher) record() (r record, err error) {
	if p.clock == nil {
		return r, errors.New("the clock is nil")
	}
	if r.Record, err = p.clock.Published(); err != nil {
		return r, err
	}
	if last := &p.last; r.Answers && last.Answers && r.Epoch == last.Epoch {
		r.Shown.KeepLower(&last.Shown)
		if r.TAIKnown && last.TAIKnown {
			r.TAI.KeepLower(&last.TAI)
		}
	}
	r.at = p.counter.Reference()
	if invariants.Enabled {
		words := r.words(1)
		_, err := decodeRecord(&words, 1)
		invariants.Check(err == nil, "no reader can use what is published: %v: %+v", err, r)
	}
	return r, nil
}

// run publishes until ctx or the clock ends, and says why it ends when the segment says that it has.
func (p *Publisher) run(ctx context.Context) {
	err := p.publishUntil(ctx)
	p.finish()
	if err != nil {
		p.failure.Store(&err)
	}
}

func (p *Publisher) publishUntil(ctx context.Context) error {
	ticker := time.NewTicker(heartbeat / 2)
	defer ticker.Stop()
	for {
		changed := p.clock.Changed()
		if err := p.publish(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-ticker.C:
		}
	}
}

// publish publishes what there is, to a new file if somebody has taken the other one away.
func (p *Publisher) publish() error {
	r, err := p.record()
	if err != nil {
		return err
	}
	if id, err := identify(p.path); err != nil || id != p.id {
		return p.replace(r)
	}
	generation := p.published.Load() + 1
	p.mapped.publish(&r, generation)
	p.last = r
	p.done(generation)
	return nil
}

// replace makes the file anew, if it is still for this publisher to make.
func (p *Publisher) replace(r record) error {
	if p.lock.Held() != nil {
		_ = p.lock.Close()
		if err := p.claim(); err != nil {
			return fmt.Errorf("hostclock: %s was taken away: %w", p.path, err)
		}
	}
	if err := p.create(r); err != nil {
		return fmt.Errorf("hostclock: %s was taken away, and cannot be made anew: %w", p.path, err)
	}
	return nil
}

// finish says in the segment that nobody publishes any more. What is in it stays true, as it is what the clock has
// published last: a disruption may be waiting to be published.
func (p *Publisher) finish() {
	switch r, err := p.record(); {
	case err == nil:
		p.last = r
	case errors.Is(err, truetime.ErrClosed) && r.Epoch != p.last.Epoch:
		p.last.State, p.last.Answers, p.last.Epoch = uint8(truetime.Unsynchronized), false, r.Epoch
	}
	p.last.stopped, p.last.at = true, p.counter.Reference()
	p.mapped.publish(&p.last, p.published.Load()+1)
	_ = p.lock.Close()
}

// Published returns how many times the publisher has published. A daemon that tells its supervisor that it is alive
// does so only if this has grown.
func (p *Publisher) Published() uint64 {
	if p == nil {
		return 0
	}
	return p.published.Load()
}

// Err returns why the publisher has ended by itself, and nil as long as it publishes: truetime.ErrClosed if its clock
// was closed, [ErrPublished] if somebody has taken its file away and publishes in its place, or what kept it from
// making the file anew.
func (p *Publisher) Err() error {
	if p == nil || p.cancel == nil {
		return errNoPublisher
	}
	if err := p.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends publishing. The file stays: readers go on with the last answer, which widens, until another
// publisher takes its place. It always returns nil, and may be called more than once.
func (p *Publisher) Close() error {
	if p == nil || p.cancel == nil {
		return nil
	}
	p.close.Do(func() {
		p.cancel()
		p.running.Wait()
	})
	return nil
}
