package core

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/judge"
)

func TestWithoutCommitWaitTheJudgeSeesViolations(t *testing.T) {
	clocks := []*clock{{epsilon: 30 * time.Millisecond}, {epsilon: 100 * time.Microsecond}, {epsilon: 100 * time.Microsecond}}
	for _, unsafe := range []bool{false, true} {
		t.Run(fmt.Sprint("unsafe=", unsafe), func(t *testing.T) {
			c := start(t, vfs.NewMem(), clocks, func(_ int, c *Config) { c.Unsafe.NoCommitWait = unsafe })
			r, accounts := judge.NewRecorder(), names(8)
			load(t, c.client, r, accounts)
			run(t, 2, c.clients(3), r, accounts, 15)
			if !unsafe {
				requireNoViolations(t, r)
				return
			}
			require.NotZero(t, judge.Judge(r.Events()).Count(judge.OrderPromise))
		})
	}
}

// Clocks that are 20 ms off and claim to be exact.
func TestOnWallClocksTheJudgeSeesViolations(t *testing.T) {
	c := start(t, vfs.NewMem(), []*clock{{offset: 20 * time.Millisecond}, {offset: -20 * time.Millisecond}, {}}, nil)
	r, accounts := judge.NewRecorder(), names(8)
	load(t, c.client, r, accounts)
	run(t, 3, c.clients(3), r, accounts, 15)
	require.NotZero(t, judge.Judge(r.Events()).Count(judge.OrderPromise))
}

// A leader is stopped after its last look at the lease and before its write. Another leads
// meanwhile, and commits; then the write comes.
func TestPausedLeaderIsStoppedByTheFenceAndByNothingElse(t *testing.T) {
	for _, unsafe := range []bool{false, true} {
		t.Run(fmt.Sprint("unsafe=", unsafe), func(t *testing.T) {
			var armed atomic.Bool
			stopped, resume := make(chan int, 1), make(chan struct{})
			c := start(t, vfs.NewMem(), honest(), func(i int, c *Config) {
				c.Unsafe.NoFence = unsafe
				c.Pause = func(s Step, _ string) error {
					if s == BeforeCommit && armed.CompareAndSwap(true, false) {
						stopped <- i
						<-resume
					}
					return nil
				}
			})
			var accounts []string // of one shard
			for i := 0; len(accounts) < 3; i++ {
				if a := fmt.Sprint("a", i); ShardOf(a, shards) == 0 {
					accounts = append(accounts, a)
				}
			}
			r := judge.NewRecorder()
			load(t, c.client, r, accounts)
			armed.Store(true)
			var late sync.WaitGroup
			late.Go(func() { transact(t.Context(), t, c.client, r, Transfer("late", accounts[0], accounts[1], 7)) })
			old := <-stopped
			c.clocks[old].broken.Store(true) // it can neither renew nor act: stopped, as far as the lease goes
			other := NewClient(shards, c.servers[(old+1)%3].URL, c.servers[(old+2)%3].URL)
			defer other.Close()
			transact(t.Context(), t, other, r, Transfer("meanwhile", accounts[0], accounts[2], 11))
			close(resume)
			c.clocks[old].broken.Store(false)
			late.Wait()
			snapshot(t.Context(), t, c.client, r, accounts, 0)
			if !unsafe {
				requireNoViolations(t, r)
				return
			}
			v := judge.Judge(r.Events())
			require.NotZero(t, v.Count(judge.MoneyPromise), "%v", v.Violations)
		})
	}
}

var errCrashed = errors.New("crashed")
