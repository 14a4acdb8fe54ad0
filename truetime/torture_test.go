package truetime

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// oneTick is a counter that advances by one at every reading, so that any two readings are ordered.
// True time in this test is torturedTruth after it.
type oneTick struct{ now atomic.Int64 }

func (c *oneTick) Now() monotonic.Instant { return monotonic.Instant(c.now.Add(1)) }

const torturedTruth = 1_000_000_000_000

// One goroutine publishes as fast as it can while readers on every core check each answer: it is
// well-formed, contains the truth of some moment between call and return, and Earliest never goes
// back.
func TestReadersUnderAWriterThatPublishesAsFastAsItCan(t *testing.T) {
	counter := &oneTick{}
	sources := fakes(1)
	config, err := configure(asSources(sources), []Option{WithCounter(counter), WithPlausibleSince(1)})
	require.NoError(t, err)
	// No poller: this test publishes itself, through the same door.
	c := newClock(config, asSources(sources))
	publish := func(rng *rand.Rand) {
		sent := counter.Now()
		sample := Sample{Sent: sent, Latest: Time(torturedTruth + int64(sent) + rng.Int64N(1000))}
		sample.Received = counter.Now()
		sample.Earliest = Time(torturedTruth + int64(sample.Received) - rng.Int64N(1000))
		c.mu.Lock()
		defer c.mu.Unlock()
		now := counter.Now()
		c.finishLocked(c.pollers[0], engine.Exchange{Epoch: 1}, sample, engine.Answered, nil, now)
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	publish(rng)

	var readers, writer sync.WaitGroup
	var done atomic.Bool
	writer.Go(func() {
		for !done.Load() {
			publish(rng)
		}
	})
	for range max(runtime.GOMAXPROCS(0), 2) {
		readers.Go(func() {
			var last Time
			for range 100_000 {
				before := torturedTruth + counter.now.Load()
				i, err := c.Now()
				after := torturedTruth + counter.now.Load()
				switch {
				case err != nil:
					t.Errorf("seed %d: %v", seed, err)
				case !i.Valid():
					t.Errorf("seed %d: malformed answer %v", seed, i)
				case int64(i.Earliest) > after || int64(i.Latest) < before:
					t.Errorf("seed %d: %v contains nothing of %d to %d", seed, i, before, after)
				case i.Earliest < last:
					t.Errorf("seed %d: Earliest went back from %d to %d", seed, last, i.Earliest)
				default:
					last = i.Earliest
					continue
				}
				return
			}
		})
	}
	readers.Wait()
	done.Store(true)
	writer.Wait()
	require.EqualValues(t, 1, c.Status().Epoch)
}
