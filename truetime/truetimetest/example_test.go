package truetimetest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// Four servers, one of which lies; a machine whose counter runs 35 ppm fast; and a pause.
func ExampleWorld() {
	world := truetimetest.NewWorld(42)
	var links []truetimetest.Link
	for i := range 4 {
		server := world.NewServer(fmt.Sprintf("ntp%d", i+1), truetimetest.Honest(50*time.Microsecond))
		if i == 0 {
			server.Become(truetimetest.Offset(250*time.Millisecond, 50*time.Microsecond))
		}
		links = append(links, truetimetest.Link{Server: server, Path: truetimetest.DataCenter()})
	}
	machine := world.NewMachine("m", truetimetest.MachineConfig{
		Oscillator: truetimetest.Constant(35),
		Sources:    links,
	})
	world.Run(time.Minute)
	now, err := machine.Now()
	fmt.Println("contains true time:", now.Contains(world.Now()), err)
	fmt.Println("the first server is a", machine.Status().Sources[0].Verdict)

	machine.Suspend(time.Hour)
	world.Run(time.Hour + time.Millisecond)
	_, err = machine.Now()
	fmt.Println("after a suspend:", err)
	world.Run(10 * time.Second)
	now, err = machine.Now()
	fmt.Println("contains true time:", now.Contains(world.Now()), err)
	// Output:
	// contains true time: true <nil>
	// the first server is a falseticker
	// after a suspend: truetime: not synchronized
	// contains true time: true <nil>
}

// A commit wait on a machine's clock, while another goroutine runs the world that the machine is in.
func ExampleMachine() {
	world := truetimetest.NewWorld(1)
	server := world.NewServer("ntp", truetimetest.Honest(50*time.Microsecond))
	machine := world.NewMachine("m", truetimetest.MachineConfig{
		Oscillator: truetimetest.Constant(-100),
		Sources:    []truetimetest.Link{{Server: server, Path: truetimetest.LAN()}},
	})
	world.Run(time.Second)

	committed := make(chan error)
	go func() {
		now, err := machine.Now()
		if err == nil {
			err = commitwait.Until(context.Background(), machine, now.Latest)
		}
		if err == nil && world.Now() <= now.Latest {
			err = errors.New("the wait was over too early")
		}
		committed <- err
	}()
	for {
		select {
		case err := <-committed:
			fmt.Println("committed:", err)
			return
		default:
			world.Run(10 * time.Microsecond)
		}
	}
	// Output:
	// committed: <nil>
}

func ExampleManual() {
	clock := truetimetest.NewManual(truetimetest.DefaultStart, 5*time.Millisecond)
	deadline := truetimetest.DefaultStart.Add(20 * time.Millisecond)
	fmt.Println(clock.Before(deadline), clock.After(deadline))
	clock.Advance(20 * time.Millisecond)
	fmt.Println(clock.Before(deadline), clock.After(deadline))
	clock.Advance(20 * time.Millisecond)
	fmt.Println(clock.Before(deadline), clock.After(deadline))
	clock.Refuse(truetime.ErrClockFaulty)
	_, err := clock.Now()
	fmt.Println(err)
	// Output:
	// true false
	// false false
	// false true
	// truetime: local clock faulty
}
