// Package machine boots virtual machines that stop and jump, for tests of what a clock inside makes
// of it.
//
// A machine is Debian's kernel in qemu, emulated throughout, with a Go program of ours as its only
// process: guest, in the folder of that name. It follows NTP servers of the host, through qemu's
// user-mode network, and answers the host through a serial line of its own, the truth channel. The
// host reads its own clock, which is what the servers serve, before it asks and after it was
// answered. So it can judge each answer from outside:
//
//	m := machine.Start(t, machine.Config{Servers: servers})
//	a, err := m.Now(ctx)
//	a.Wrong() // by how much, beyond doubt: 0 if some moment between question and answer is in the interval
//
// QMP, qemu's protocol for control, stops the machine and lets it go on, saves, moves and restores it.
//
// # What this does not promise
//
// Anything about speed: there is no hardware help, and a guest is some 20 times slower than its host.
// An emulated machine's counters all stand still while it is stopped, as those of a machine with hardware
// help do where the hypervisor takes care of it; where it does not they go on, which a guest can see.
//
// Linux hosts only.
package machine
