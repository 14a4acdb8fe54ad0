// Package hostclock is one clock for all processes of a host: one of them polls and publishes, and the others read.
//
// The daemon, epsilon serve (cmd/epsilon; deploy/README.md says how to run it), publishes a [truetime.Clock] to a file
// that every process maps. A [Clock] answers and waits as that does, and costs about as much to read: no goroutine, no lock, and no system call that reading the counter
// does not need.
//
//	clock, err := hostclock.Open(hostclock.DefaultPath)
//	if err != nil {
//		return err // says what to do
//	}
//	defer clock.Close()
//	if err := clock.WaitSynchronized(ctx, 5*time.Millisecond); err != nil {
//		return err
//	}
//	now, err := clock.Now() // true time is in [now.Earliest, now.Latest]
//
// # The contract
//
//   - An answer is an interval that contains true time, as far as the daemon's assumptions hold. Anything else is an
//     error of Now: never an interval with a flag beside it.
//   - What the daemon has published stays true for ever, whatever leap second comes. When the daemon is stopped, killed or
//     restarted, the interval widens by the drift, and by 11.6 ppm more from the moment when a leap second that the daemon
//     could not rule out might be smeared. [Status] says so.
//   - A clock that is read looks at the host once a second. It notices that the daemon was restarted, and that the
//     counter was disrupted: by a suspend, by a change of the kernel's clocksource, by the processor's counter running at
//     another rate, and by a hypervisor with a VMClock device that this process may read. Then it refuses until the
//     daemon publishes anew.
//   - A segment is refused that is from an earlier boot, about a counter that this process cannot read or reads otherwise,
//     in a layout that it does not know, or written by somebody whom there is no reason to trust.
//   - Earliest does not go back within an epoch of one writer ([Status] has both). A daemon that is restarted is another
//     writer, and so is one that was told to reload and has made another clock: the epoch counts from 1 again.
//
// # Containers
//
// Mount the directory /run/epsilon, not the file: a daemon that is restarted replaces that. Read-only is enough, and
// so is any user. /proc has to be there. LXC (Incus, LXD, Proxmox) and systemd-nspawn mount a random boot id over the
// host's /proc/sys/kernel/random/boot_id in each container: umount that there.
//
// # What this does not promise
//
// Whoever may write the file is trusted: a false record gives false answers, and truncating the file kills its readers
// (SIGBUS). The daemon never does so. While no daemon runs, nobody compares the counter with any source; what the clock
// notices by itself is in the list above. The wire between processes is the memory of one machine: nothing here is
// about other machines.
package hostclock
