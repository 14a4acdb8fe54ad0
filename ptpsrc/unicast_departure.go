package ptpsrc

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// When a Delay_Req left is one half of a sample: its answer says that true time was then at most T4
// + E. The program has read the counter before it sent the message. The kernel's stamp is from some
// 6 µs after that, or from as long as the process was kept from going on, and by that the upper
// fact of the sample is lower. It must not be later than the message left.
//
// # Whose stamp it is
//
// The kernel puts its stamps of all that leaves a Port into one queue, of which sources that work
// at the same time take them. A stamp of an earlier message than the one it is taken for only
// widens a sample: it is too early. One of a later message makes the sample wrong: the Delay_Req
// would seem to have left when it had long arrived.
//
// So each stamp comes with the datagram that it is of, to the last byte. No two Delay_Reqs of a
// Port are alike while somebody waits for one of them: its identity is random, its sequenceIds
// count for all its sources together, and one that has come round again takes the place of the one
// before, which is then without a stamp.
//
// The kernel could number the messages instead (SOF_TIMESTAMPING_OPT_ID), and that is not used: it
// counts for itself. Whether a call that fails has used up a number, and which of two calls at the
// same moment has which, cannot be told from here (for which Linux lets the caller say the number
// since 6.13, by SCM_TS_OPT_ID), and whoever counts wrongly takes the stamp of one message for
// another's.

// departure is a Delay_Req and what is known of its leaving.
type departure struct {
	sequence uint16
	datagram []byte
	wall     wallclock.Reading // before it
	at       monotonic.Instant // the counter, after that reading and before it left
	stamp    int64             // the kernel's; 0 if there is none yet. Guarded by departures.mu
}

// departures are the Delay_Reqs of a Port that somebody waits for the answer to.
type departures struct {
	mu      sync.Mutex
	last    uint16 // sequenceId
	waiting map[uint16]*departure

	packet  [512]byte // holds a Delay_Req and the headers of UDP, IPv6, Ethernet, and a tunnel or two
	control [256]byte
}

// begin makes a Delay_Req with a sequenceId of its own.
func (all *departures) begin(encode func(sequence uint16) ([]byte, error)) (*departure, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b, err := encode(all.last + 1)
	if err != nil {
		return nil, err
	}
	all.last++
	d := &departure{sequence: all.last, datagram: b}
	all.waiting[d.sequence] = d
	return d, nil
}

// forget ends the wait for a stamp. There may be none to end.
func (all *departures) forget(d *departure) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if d != nil && all.waiting[d.sequence] == d {
		delete(all.waiting, d.sequence)
	}
}

func (all *departures) stampOf(d *departure) int64 {
	all.mu.Lock()
	defer all.mu.Unlock()
	return d.stamp
}

// maxStamps is how many stamps are taken at once. More are there only if nobody has taken any for
// long, and each message that is sent takes them.
const maxStamps = 64

// take takes stamps, as from wallclock.TakeSent, until there are no more of them.
func (all *departures) take(next func(packet, control []byte) (n int, stamp int64, ok bool)) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for range maxStamps {
		n, stamp, ok := next(all.packet[:], all.control[:])
		if !ok {
			return
		}
		// Of several, of the devices that the message passed, the first counts.
		if d := all.of(all.packet[:n]); d != nil && d.stamp == 0 {
			d.stamp = stamp
		}
	}
}

// sequenceAt is where a message has its sequenceId (IEEE 1588-2019 table 35).
const sequenceAt = 30

// of returns the departure that a packet is of, which ends with its datagram; nil if it is of none
// that is waited for.
func (all *departures) of(packet []byte) *departure {
	const size = syncSize + 2 // as protocol.Bytes makes it
	if len(packet) < size {
		return nil
	}
	d := all.waiting[binary.BigEndian.Uint16(packet[len(packet)-size+sequenceAt:])]
	if d == nil || !bytes.HasSuffix(packet, d.datagram) {
		return nil
	}
	return d
}
