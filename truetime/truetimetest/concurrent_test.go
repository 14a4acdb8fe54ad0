package truetimetest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// run runs the world until done is closed.
func run(world *truetimetest.World, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
			world.Run(time.Millisecond)
		}
	}
}

// The race detector is what this test is for.
func TestEverythingMayBeCalledWhileTheWorldRuns(t *testing.T) {
	world := truetimetest.NewWorld(1)
	server := world.NewServer("s", truetimetest.Honest(time.Millisecond))
	machine := world.NewMachine("m", truetimetest.MachineConfig{
		Sources: []truetimetest.Link{{Server: server, Path: truetimetest.LAN()}},
		Poll:    time.Second,
		Samples: func(int, truetime.Sample) { server.Name() },
	})
	world.Trace(10)
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, call := range []func(){
		func() { _, _ = machine.Now() },
		func() { _, _ = machine.NowTAI() },
		func() { machine.After(world.Now()) },
		func() { _ = machine.Status() },
		func() { _, _ = machine.Counter(), machine.Disturbed() },
		func() { machine.Pause(time.Millisecond) },
		func() { machine.StepRate(1e-3) },
		func() { machine.Restart() },
		func() { machine.Cut(server, time.Millisecond) },
		func() { server.Become(truetimetest.Honest(time.Millisecond)) },
		func() { server.WishPoll(time.Second); server.Honest() },
		func() { world.In(time.Millisecond, func() { world.Elapsed() }) },
		func() { _ = world.TraceText() },
	} {
		all.Go(func() {
			for range 20 {
				call()
				time.Sleep(time.Millisecond)
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	run(world, done)
	world.Run(time.Minute)
	require.NoError(t, machine.Check())
}

// A program under test is many goroutines, and its clock is a machine's.
func TestLeaseOnTheClockOfAMachine(t *testing.T) {
	world := truetimetest.NewWorld(1)
	server := world.NewServer("s", truetimetest.Honest(50*time.Microsecond))
	machine := world.NewMachine("m", truetimetest.MachineConfig{
		Oscillator: truetimetest.Constant(150),
		Sources:    []truetimetest.Link{{Server: server, Path: truetimetest.LAN()}},
	})
	world.Run(time.Second)
	// The world does not wait for the candidate, so the lease is longer than the world runs meanwhile.
	candidate, err := lease.NewCandidate(machine, new(lease.MemoryStore), "compactor", 10*time.Hour)
	require.NoError(t, err)

	done := make(chan struct{})
	var held *lease.Lease
	go func() {
		defer close(done)
		held, err = candidate.Acquire(t.Context())
		if err == nil {
			err = held.Check()
		}
	}()
	world.Run(time.Hour)
	<-done
	require.NoError(t, err)

	machine.Suspend(10 * time.Hour)
	world.Run(10*time.Hour + time.Millisecond)
	require.Error(t, held.Check(), "the clock refuses, or the lease is over")
	require.NoError(t, held.Close())
}
