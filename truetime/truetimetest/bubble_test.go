package truetimetest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// cluster is a world of machines whose counters run at the ends of what is declared, and of servers that are off by all that they
// claim, but for one that lies.
func cluster(t *testing.T, world *truetimetest.World, machines int) (all []*truetimetest.Machine) {
	t.Helper()
	const claim = 500 * time.Microsecond
	links := func() (links []truetimetest.Link) {
		for i, b := range []truetimetest.Behavior{
			truetimetest.Steady(claim, claim), truetimetest.Steady(-claim, claim), truetimetest.Honest(claim), truetimetest.Anywhere(time.Second, claim),
		} {
			links = append(links, truetimetest.Link{Server: world.NewServer(fmt.Sprint("ntp", i), b), Path: truetimetest.DataCenter()})
		}
		return links
	}()
	for i := range machines {
		all = append(all, world.NewMachine(fmt.Sprint("node", i), truetimetest.MachineConfig{
			Oscillator: truetimetest.Constant([]float64{-200, 200, 0}[i%3]), Sources: links, Poll: time.Second, MaxPoll: 4 * time.Second,
		}))
	}
	time.Sleep(5 * time.Second)
	return all
}

// requireTruth reads a clock, and true time, which does not go on meanwhile.
func requireTruth(t *testing.T, m *truetimetest.Machine) {
	i, err := m.Now()
	if err == nil && !i.Contains(truetime.FromStd(time.Now())) && !m.Disturbed() {
		t.Errorf("%s: true time %v is not in %v", m.Name(), time.Now(), i)
	}
}

func TestTrueTimeOfAWorldInABubbleIsTimeNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour + 1)
		world := truetimetest.NewWorldInBubble(t, 1)
		nodes := cluster(t, world, 3)
		for range 1000 {
			time.Sleep(1234567 * time.Nanosecond)
			require.Equal(t, truetime.FromStd(time.Now()), world.Now())
			for _, n := range nodes {
				requireTruth(t, n)
				require.NoError(t, n.Check(), "in TAI, too")
				i, err := n.NowTAI()
				require.NoError(t, err)
				require.True(t, i.Earliest <= truetime.TAI(time.Now().Add(32*time.Second).UnixNano()) && i.Latest >= truetime.TAI(time.Now().Add(32*time.Second).UnixNano()))
			}
		}
	})
}

// The race detector is what this test is for, and the machines' faults.
func TestManyGoroutinesReadTheClocksOfAWorldInABubble(t *testing.T) {
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			world := truetimetest.NewWorldInBubble(t, seed)
			nodes := cluster(t, world, 3)
			ctx, stop := context.WithCancel(t.Context())
			var readers sync.WaitGroup
			var answers, refusals atomic.Int64
			for _, n := range nodes {
				for i := range 4 {
					readers.Go(func() {
						for ctx.Err() == nil {
							requireTruth(t, n)
							if _, err := n.Now(); err == nil {
								answers.Add(1)
							} else {
								refusals.Add(1)
							}
							time.Sleep(time.Duration(70+i) * time.Millisecond)
						}
					})
				}
			}
			world.In(time.Second, func() { nodes[2].Pause(20 * time.Second) })
			nodes[0].Suspend(30 * time.Second)
			time.Sleep(30*time.Second - 1)
			_, err := nodes[0].Now()
			require.ErrorIs(t, err, truetime.ErrNotSynchronized, "nothing runs there that could ask")
			time.Sleep(time.Second)
			nodes[1].Restore(time.Minute, true)
			time.Sleep(2 * time.Minute)
			nodes[2].Restart()
			time.Sleep(time.Minute)
			stop()
			readers.Wait()
			require.Greater(t, answers.Load(), int64(10_000))
			require.Greater(t, refusals.Load(), int64(4*30*10/7))
		})
	}
}

func TestClocksOfAWorldInABubbleFollowFromItsSeed(t *testing.T) {
	run := func(seed uint64) (all []truetime.Interval) {
		synctest.Test(t, func(t *testing.T) {
			nodes := cluster(t, truetimetest.NewWorldInBubble(t, seed), 3)
			for range 100 {
				var mu sync.Mutex
				var read sync.WaitGroup
				var sum truetime.Interval
				for _, n := range nodes {
					read.Go(func() {
						i, err := n.Now()
						mu.Lock()
						defer mu.Unlock()
						require.NoError(t, err)
						sum.Earliest, sum.Latest = sum.Earliest^i.Earliest, sum.Latest^i.Latest
					})
				}
				read.Wait()
				all = append(all, sum)
				time.Sleep(33 * time.Millisecond)
			}
		})
		return all
	}
	require.Equal(t, run(7), run(7))
	require.NotEqual(t, run(7), run(8))
}

// Whatever begins after a commit has been told of gets a later timestamp, on whichever machine.
func TestCommitWaitInAWorldInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(t, truetimetest.NewWorldInBubble(t, 2), 3)
		var waiters []*commitwait.Waiter
		for _, n := range nodes {
			w, err := commitwait.NewWaiter(n)
			require.NoError(t, err)
			defer w.Close()
			waiters = append(waiters, w)
		}
		var highest atomic.Int64 // of all commits that have been told of
		var clients sync.WaitGroup
		for i := range 9 {
			clients.Go(func() {
				for range 50 {
					before := truetime.Time(highest.Load())
					committed, err := waiters[i%3].Do(t.Context(), func(context.Context, truetime.Time) error { return nil })
					if err != nil || committed <= before {
						t.Errorf("client %d: %v after %v: %v", i, committed, before, err)
						return
					}
					for {
						h := highest.Load()
						if h >= int64(committed) || highest.CompareAndSwap(h, int64(committed)) {
							break
						}
					}
				}
			})
		}
		clients.Wait()
	})
}

// Three nodes want one lease, while their machines sleep, are cut off from their servers and restart. Nobody holds it while another
// does, but a machine that has just woken up may not know yet.
func TestLeaseInAWorldInABubble(t *testing.T) {
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			world := truetimetest.NewWorldInBubble(t, seed)
			nodes := cluster(t, world, 3)
			store := &lease.MemoryStore{}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var holds [3]atomic.Pointer[lease.Lease]
			var terms atomic.Int64
			var services sync.WaitGroup
			for i, n := range nodes {
				candidate, err := lease.NewCandidate(n, store, "leader", 10*time.Second, lease.WithHolder(n.Name()))
				require.NoError(t, err)
				services.Go(func() {
					for {
						held, err := candidate.Acquire(ctx)
						if err != nil {
							return
						}
						terms.Add(1)
						holds[i].Store(held)
						lost, cancel := held.Context(ctx)
						<-lost.Done()
						cancel()
						holds[i].Store(nil)
						_ = held.Close()
					}
				})
			}
			next := world.Now()
			for range 6000 {
				time.Sleep(50 * time.Millisecond)
				var holders []int
				for i := range holds {
					if held := holds[i].Load(); held != nil && !nodes[i].Disturbed() && held.Check() == nil {
						holders = append(holders, i)
					}
				}
				require.LessOrEqual(t, len(holders), 1, "seed %d", seed)
				if len(holders) == 1 && world.Now() > next { // it is disturbed
					next = world.Now().Add(time.Minute)
					switch n := nodes[holders[0]]; terms.Load() % 3 {
					case 0:
						n.Suspend(15 * time.Second)
					case 1:
						n.Restore(12*time.Second, true)
					default:
						n.Kill()
						world.In(30*time.Second, n.Restart)
					}
				}
			}
			stop()
			services.Wait()
			require.Greater(t, terms.Load(), int64(4), "nobody has taken over")
		})
	}
}

// boundStore keeps a bound in memory.
type boundStore struct{ bound atomic.Int64 }

func (s *boundStore) Load(context.Context) (hlc.Timestamp, error) {
	return hlc.Timestamp(s.bound.Load()), nil
}
func (s *boundStore) Save(_ context.Context, bound hlc.Timestamp) error {
	s.bound.Store(int64(bound))
	return nil
}

// inProcess carries requests to handlers by the name of the host. Sockets are nothing for a bubble: it does not know who waits for one.
type inProcess map[string]http.Handler

func (to inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	to[r.URL.Host].ServeHTTP(w, r)
	return w.Result(), nil
}

// A request goes round three services whose clocks are apart, one of them with a store, and its timestamps rise all the way.
func TestHybridLogicalClocksInAWorldInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(t, truetimetest.NewWorldInBubble(t, 3), 3)
		services := inProcess{}
		last := make(chan hlc.Timestamp, 1)
		for i, n := range nodes {
			clock, err := hlc.Open(t.Context(), n, new(boundStore))
			require.NoError(t, err)
			defer clock.Close()
			client := http.Client{Transport: hlchttp.Transport(clock, services)}
			services[n.Name()] = hlchttp.Handler(clock, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				received, ok := hlchttp.FromContext(r.Context())
				before := <-last
				now, err := clock.Now()
				if !ok || err != nil || !received.After(before) || !now.After(received) {
					http.Error(w, fmt.Sprintf("%s: received %v, which is after %v, at %v: %v", n.Name(), received, before, now, err), http.StatusConflict)
					return
				}
				last <- now
				var left int
				fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/"), &left)
				if left == 0 {
					return
				}
				time.Sleep(10 * time.Microsecond)
				next := fmt.Sprintf("http://node%d/%d", (i+1)%3, left-1)
				response, err := client.Get(next)
				if err == nil {
					defer response.Body.Close()
					w.WriteHeader(response.StatusCode)
				}
			}))
		}
		for range 20 {
			last <- 1
			response, err := (&http.Client{Transport: hlchttp.Transport(new(hlchttp.Relay), services)}).Get("http://node0/9")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, response.StatusCode, response.Body)
			<-last
			time.Sleep(time.Second)
		}
	})
}

func TestMistakesInABubble(t *testing.T) {
	require.PanicsWithValue(t, "truetimetest: NewWorldInBubble is for a bubble of testing/synctest: call it in synctest.Test, within a year",
		func() { truetimetest.NewWorldInBubble(t, 1) })
	synctest.Test(t, func(t *testing.T) {
		world := truetimetest.NewWorldInBubble(t, 1)
		require.PanicsWithValue(t, "truetimetest: in a bubble time passes by itself: use time.Sleep", func() { world.Run(1) })
		require.PanicsWithValue(t, "truetimetest: a world in a bubble begins at time.Now", func() { world.StartAt(1) })
		world.In(time.Second, func() { time.Sleep(time.Minute) })
		time.Sleep(2 * time.Second)
		require.PanicsWithValue(t, "truetimetest: what a world calls, as by World.In, must not wait, and has for 1s: let a goroutine do that", func() { world.Now() })
		time.Sleep(time.Minute)
		require.Equal(t, truetime.FromStd(time.Now()), world.Now())
	})
}

// failing is a test that has failed.
type failing struct {
	*testing.T
	log string
}

func (f *failing) Failed() bool                      { return true }
func (f *failing) Logf(format string, values ...any) { f.log += fmt.Sprintf(format, values...) }

func TestTheSeedOfAWorldInABubbleIsLoggedIfTheTestFails(t *testing.T) {
	var f failing
	synctest.Test(t, func(t *testing.T) {
		f.T = t
		world := truetimetest.NewWorldInBubble(&f, 12345)
		world.Trace(1)
		cluster(t, world, 1)[0].StepRate(1)
	})
	require.Contains(t, f.log, "12345")
	require.Contains(t, f.log, "node0")
}
