// Package vmsrc provides sources for a [truetime.Clock] that a hypervisor offers to its guests.
//
//	clock, err := truetime.New([]truetime.Source{
//		vmsrc.VMClock(vmsrc.DefaultPath),
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.net"),
//	})
//
// # What one reading proves
//
// The VMClock page turns a reading of the processor's counter into the time, with a bound for its
// error (UAPI.13, "VMClock"). The source reads the clock's own counter just before and just after
// it: true time was at most Latest at the first and at least Earliest at the second. There is no
// network in between, and so nothing that could delay it.
//
// # What it trusts
//
// The hypervisor: that its time is within the error that it claims, and that the claim grows with
// the error of the counter. Nothing in the guest can check that except other sources. A VMClock is
// therefore one voter like any other. A clock with only this source believes the hypervisor.
//
// # What this does not promise
//
// A time. Most hypervisors have no VMClock, and most that do, Firecracker among them, use it only
// to signal that the guest was migrated or restored. The source then fails with an error that wraps
// [truetime.ErrUnusable] and says so, or fs.ErrNotExist if there is no device. It keeps its vote,
// as every source that fails does: configure it where it is known to give the time.
package vmsrc
