package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheProgramRunsOnRealServers(t *testing.T) {
	var servers []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{})
		defer s.Close()
		servers = append(servers, s.Address())
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), servers, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3, out.String())
	for i, value := range []string{"100", "70", "70"} {
		require.True(t, strings.HasSuffix(lines[i], ": "+value), out.String())
	}
	require.ErrorContains(t, run(t.Context(), nil, &out), "no sources")
}

// start starts a leader whose writes of the key "slow" take 50 ms to become durable.
func start(t *testing.T) (*leader, *follower) {
	clock := truetimetest.NewFollowing(time.Millisecond, 2*time.Millisecond)
	waiter, err := commitwait.NewWaiter(clock)
	require.NoError(t, err)
	t.Cleanup(func() { waiter.Close() })
	leader, err := newLeader(clock, waiter, func(v version) error {
		if v.key == "slow" {
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
	require.NoError(t, err)
	return leader, newFollower()
}

// writeBoth has a slow write begin first, and returns the timestamp of a fast one that is over before it.
func writeBoth(t *testing.T, leader *leader) truetime.Time {
	go leader.write(t.Context(), "slow", "1")
	synctest.Wait() // it has its timestamp
	at, err := leader.write(t.Context(), "fast", "1")
	require.NoError(t, err)
	return at
}

func both(t *testing.T, follower *follower, at truetime.Time) string {
	slow, err := follower.read(t.Context(), "slow", at)
	require.NoError(t, err)
	fast, err := follower.read(t.Context(), "fast", at)
	require.NoError(t, err)
	return fmt.Sprintf("slow %q, fast %q", slow, fast)
}

func TestAReadAtATimestampWaitsForTheWritesBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, follower := start(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go follower.follow(ctx, leader, 5*time.Millisecond)
		at := writeBoth(t, leader)

		begun := time.Now()
		require.Equal(t, `slow "1", fast "1"`, both(t, follower, at))
		require.Greater(t, time.Since(begun), 40*time.Millisecond, "as long as the slow write takes")

		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := follower.read(short, "slow", at.Add(time.Hour))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		stop()
		synctest.Wait()
	})
}

// The story of the guide: a follower that believes that it has everything up to the last timestamp in its log.
func TestWithoutASafeTimeTheSameReadHasTwoAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, follower := start(t)
		copyLog := func() {
			news, _, err := leader.since(len(follower.log))
			require.NoError(t, err)
			follower.apply(news, news[len(news)-1].at)
		}
		at := writeBoth(t, leader)
		copyLog()
		require.Equal(t, `slow "", fast "1"`, both(t, follower, at))
		time.Sleep(time.Second)
		copyLog()
		require.Equal(t, `slow "1", fast "1"`, both(t, follower, at), "at the same timestamp")
	})
}

// Whatever the writes take, a follower answers at a timestamp what the leader's log says in the end.
func TestAFollowerNeverTakesAnAnswerBack(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			leader, _ := start(t)
			const keys = 7
			var takes [keys]time.Duration
			for key := range takes {
				takes[key] = time.Duration(random.Int64N(3e7))
			}
			leader.persist = func(v version) error { time.Sleep(takes[v.key[0]-'0']); return nil }
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var followers []*follower
			for i := range 2 {
				followers = append(followers, newFollower())
				go followers[i].follow(ctx, leader, time.Duration(3+8*i)*time.Millisecond)
			}
			type answer struct {
				key, value string
				at         truetime.Time
			}
			var mu sync.Mutex
			var answers []answer
			var all sync.WaitGroup
			for i := range 60 {
				key := fmt.Sprint(i % keys)
				begins, behind := time.Duration(random.Int64N(2e8)), time.Duration(random.Int64N(4e7)-1e7)
				all.Go(func() {
					time.Sleep(begins)
					_, err := leader.write(ctx, key, fmt.Sprint(i))
					require.NoError(t, err)
				})
				all.Go(func() {
					time.Sleep(begins)
					at := truetime.FromStd(time.Now()).Add(-behind)
					value, err := followers[i%2].read(ctx, key, at)
					require.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					answers = append(answers, answer{key, value, at})
				})
			}
			all.Wait()
			stop()
			synctest.Wait()
			complete := newFollower()
			complete.apply(leader.log, truetime.FromStd(time.Now().Add(time.Hour)))
			for _, a := range answers {
				value, err := complete.read(t.Context(), a.key, a.at)
				require.NoError(t, err)
				require.Equal(t, value, a.value, "seed %d: %q at %v", seed, a.key, a.at)
			}
		})
	}
}
