// Package truetimetest is for testing code that uses clocks which know how wrong they may be.
//
// There are several kinds of clock in it. A [Manual] answers what it is told to; it is for unit tests of
// code that takes an interval and decides. A [World] is a simulation of machines, networks and
// time servers, with honest and lying ones, in which every machine runs the very discipline and
// polling of [truetime.Clock] on simulated time; it is for finding out what a system does when
// clocks drift, networks delay, processes pause and servers lie.
//
// A world never sleeps: time passes in it while [World.Run] is called. Everything random in it comes from one seed,
// so a run can be repeated exactly:
//
//	world := truetimetest.NewWorld(42)
//	server := world.NewServer("a", truetimetest.Honest(50*time.Microsecond))
//	machine := world.NewMachine("m", truetimetest.MachineConfig{
//		Oscillator: truetimetest.Constant(35),
//		Sources:    []truetimetest.Link{{Server: server, Path: truetimetest.LAN()}},
//	})
//	world.Run(time.Minute)
//	interval, err := machine.Now() // contains world.Now()
//
// A machine is a [truetime.Reader], so commit waits and leases can stand on its clock while another goroutine runs
// the world. In a bubble of testing/synctest nobody has to: the world of [NewWorldInBubble] goes by the bubble's time,
// and real services run in it. A [Following] is a clock for bubbles that needs no world, and a [Source] is
// one for a real [truetime.Clock]. docs/testing.md has a program for most of these.
//
// # What this does not promise
//
// A simulation shows what happens under the faults that it contains. The world's networks deliver
// datagrams, not packets of a protocol, and its machines have no operating system.
package truetimetest
