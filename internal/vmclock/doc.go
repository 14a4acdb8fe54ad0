// Package vmclock reads the VMClock page, in which a hypervisor tells its guest what happens to the
// guest's counter (UAPI.13; Linux include/uapi/linux/vmclock-abi.h).
//
// The page says two things. The disruption marker changes whenever the counter may have been
// disrupted: after a live migration, or a restore from a snapshot. And where the hypervisor offers
// it, a line that turns a reading of the counter into the time, with a bound for its error.
//
//	device, err := vmclock.Open(vmclock.DefaultPath)
//	if errors.Is(err, fs.ErrNotExist) {
//		return nil // not a guest, or the hypervisor has no VMClock
//	}
//	if err != nil {
//		return err
//	}
//	defer device.Close()
//	calibratedAt := device.Marker()
//	// ... calibrate the counter, and then for every use of the calibration:
//	now := counter.Now()
//	if device.Marker() != calibratedAt {
//		return errDisrupted // now cannot be compared with anything read earlier
//	}
//
// # The contract
//
//   - Read the counter first and the marker afterwards. A disruption between the two is then
//     noticed, at worst one reading too early; in the other order it would be missed.
//   - Compare the marker with one that was read before the calibration began.
//   - [Device.Read] proves its time from the page alone. True time at some moment between Before
//     and After lies within MaxError of UnixNano, if the hypervisor is right. All roundings are
//     outward.
//   - Everything but Open may be called by many goroutines at once, also during and after Close.
//
// # What this does not promise
//
// Nothing here makes the hypervisor right: a false page gives false answers, which only a
// comparison with other sources can show. Most hypervisors give no time at all. Firecracker, for
// one, maintains the marker and the generation and nothing else (counter id 255): Marker is useful
// there and Read always returns [ErrNoTime].
package vmclock
