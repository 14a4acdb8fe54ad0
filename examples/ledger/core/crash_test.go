package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/judge"
)

// The whole cluster, its engine included, dies between two steps: of what was not synced any part
// may be on the disk. The clients send what they have had no answer to, again with the same ids.
func TestCrashBetweenAnyTwoStepsLosesNothingAndAppliesNothingTwice(t *testing.T) {
	accounts := names(4)
	var script []Transaction
	for _, account := range accounts {
		script = append(script, Transaction{ID: "open-" + account, Changes: []Change{{Account: account, Delta: 100, Open: true}}})
	}
	for i := range 4 {
		script = append(script, Transfer(fmt.Sprint("t", i), accounts[i], accounts[(i+1)%4], int64(10+i)))
	}
	most := 40
	if testing.Short() {
		most = 4
	}
	for k := range most {
		t.Run(fmt.Sprint("step=", k), func(t *testing.T) {
			t.Parallel()
			files := vfs.NewCrashableMem()
			var disk atomic.Pointer[vfs.MemFS]
			var steps atomic.Int64
			var once sync.Mutex
			ctx, crash := context.WithCancel(t.Context())
			defer crash()
			brief := func(_ int, c *Config) { c.TTL = 300 * time.Millisecond }
			c := start(t, files, honest(), func(i int, c *Config) {
				brief(i, c)
				c.Pause = func(step Step, _ string) error {
					once.Lock()
					defer once.Unlock()
					writes := step == BeforeCommit || step == BeforeWrite || step == AfterWrite // between others the disk is the same
					if disk.Load() == nil && writes && steps.Add(1) > int64(k) {
						disk.Store(files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, uint64(k)))}))
						crash()
					}
					if disk.Load() != nil {
						return errCrashed
					}
					return nil
				}
			})
			r := judge.NewRecorder()
			done := 0
			begun := r.Now()
			for ; done < len(script); done++ {
				begun = r.Now()
				result, err := c.client.Transact(ctx, script[done])
				if err != nil {
					break
				}
				r.Add(event(begun, script[done], result))
			}
			if disk.Load() == nil {
				return // fewer steps than that
			}
			c.close()
			c = start(t, disk.Load(), honest(), brief)
			for ; done < len(script); done++ {
				r.Add(event(begun, script[done], again(t, c.client, script[done])))
				begun = r.Now()
			}
			for _, x := range script { // an id that is sent again has no further effect
				_, err := c.client.Transact(t.Context(), x)
				if err != nil {
					require.ErrorIs(t, err, ErrAborted)
				}
			}
			snapshot(t.Context(), t, c.client, r, accounts, 0)
			requireNoViolations(t, r)
		})
	}
}

// again sends a transaction until it is committed. Nobody may lead a participant yet, and then it
// is off: it is sent as another, however often that takes.
func again(t *testing.T, client *Client, x Transaction) Result {
	t.Helper()
	for attempt := x; ; attempt.ID = fmt.Sprintf("%s-%d", x.ID, time.Now().UnixNano()) {
		result, err := client.Transact(t.Context(), attempt)
		if err == nil {
			return result
		}
		require.ErrorIs(t, err, ErrAborted, attempt.ID)
	}
}

func event(begun time.Duration, x Transaction, result Result) judge.Event {
	e := judge.Event{Kind: judge.Write, ID: x.ID, Begin: begun, Timestamp: int64(result.Timestamp), Deltas: make(map[string]int64), Balances: result.Balances}
	for _, c := range x.Changes {
		e.Deltas[c.Account] = c.Delta
	}
	return e
}

// Nodes lose their clocks, fail at a step, or stop at one past their lease, at moments drawn by a
// seed.
func TestFaultSchedules(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			var fault [3]atomic.Int64 // what the next step of the node runs into
			var slow [3]atomic.Bool   // to notice that a term is over
			c := start(t, vfs.NewMem(), honest(), func(i int, c *Config) {
				c.Pause = func(step Step, _ string) error {
					switch fault[i].Swap(0) {
					case 1:
						return errCrashed
					case 2:
						time.Sleep(700 * time.Millisecond) // one goroutine, past the lease if the clock is gone as well
					}
					if step == TermOver && slow[i].Load() {
						time.Sleep(300 * time.Millisecond) // meanwhile questions reach a leader that is none
					}
					return nil
				}
			})
			r, accounts := judge.NewRecorder(), names(8)
			load(t, c.client, r, accounts)
			ctx, cancel := context.WithCancel(t.Context())
			var faults sync.WaitGroup
			faults.Go(func() {
				random := rand.New(rand.NewPCG(seed, 99))
				for ctx.Err() == nil {
					node := random.IntN(3)
					fault[node].Store(int64(random.IntN(3)))
					c.clocks[node].broken.Store(random.IntN(2) == 0)
					slow[node].Store(random.IntN(2) == 0)
					time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
					c.clocks[node].broken.Store(false)
					time.Sleep(100 * time.Millisecond)
				}
			})
			run(t, seed, c.clients(4), r, accounts, 25)
			cancel()
			faults.Wait()
			requireNoViolations(t, r)
		})
	}
}
