package hostclock

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/testing/race"
)

var (
	reads = flag.Int("reads", race.Count(200_000, 20_000), "how many reads beside a writer that never rests")
	kills = flag.Int("kills", race.Count(10, 3), "how many writers to kill at random moments")
)

// childPath has a process of this test write to that path and never rest.
const childPath = "EPSILON_TEST_SEGMENT"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// writeForEver writes one truthful record after the other until this process is killed.
func writeForEver(path string) {
	here, err := readHost()
	if err != nil {
		panic(err)
	}
	counter, err := localcounter.Raw()
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	words := segmentOf(header{boot: here.boot, writer: rng.Uint64(), monotonic: here.monotonic, boottime: here.boottime},
		truthful(rng, uint64(counter.Reference())))
	mapped, _, err := createFile(path, &words)
	if err != nil {
		panic(err)
	}
	for generation := uint64(2); ; generation++ {
		r := truthful(rng, uint64(counter.Reference()))
		mapped.publish(&r, generation)
	}
}

// While one writes as fast as it can, many read: none of the answers is wrong, nor made of two records.
func TestReadersBesideAWriterThatNeverRests(t *testing.T) {
	const readers = 8
	w := newWriter(t, clockPath(t), nil)
	c := open(t, w.path)
	stop := make(chan struct{})
	var writing, reading sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				w.write(nil)
			}
		}
	})
	for range readers {
		reading.Go(func() {
			for range *reads / readers {
				before := c.counter.Reference() + ahead
				i, err := c.Now()
				after := c.counter.Reference() + ahead
				if err != nil || int64(i.Earliest) > after || int64(i.Latest) < before {
					t.Errorf("%v, %v was not true between %d and %d", i, err, before, after)
					return
				}
			}
		})
	}
	reading.Wait()
	close(stop)
	writing.Wait()
	t.Logf("%d reads beside %d publications", *reads, w.generation)
}

// A writer may be killed at any moment, also in the middle of a publication. Whoever has mapped its segment, and
// whoever opens it then, gets true answers; and a reader takes the next writer's when it looks.
func TestAWriterThatIsKilledAtAnyMomentLeavesAWholeRecord(t *testing.T) {
	path := clockPath(t)
	var c *Clock
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for kill := range *kills {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childPath+"="+path)
		before, _ := identify(path)
		require.NoError(t, child.Start())
		for {
			if now, err := identify(path); err == nil && now != before {
				break
			}
			time.Sleep(100 * time.Microsecond)
		}
		if c == nil {
			c = open(t, path)
		}
		look(c)
		for until := time.Now().Add(time.Duration(rng.Int64N(int64(10 * time.Millisecond)))); time.Now().Before(until); {
			requireTrue(t, c)
		}
		require.NoError(t, child.Process.Kill())
		_ = child.Wait()
		require.NotZero(t, c.view.Load().record.at, fmt.Sprintf("seed %d, kill %d", seed, kill))
		for range 100 {
			requireTrue(t, c)
		}
		late, err := Open(path)
		require.NoError(t, err, "seed %d, kill %d", seed, kill)
		requireTrue(t, late)
		require.NoError(t, late.Close())
	}
}
