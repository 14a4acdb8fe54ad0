package epsilonraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// What a snapshot says of the leases in the log that it stands for, in big endian:
//
//	 0  magic
//	 4  CRC-32C of bytes 8 to 80
//	 8  index of the last entry
//	16  settled
//	24  member, expiry and duration of the latest grant
//	48  the same of the floor under what was revoked
//	72  the longest duration of any lease, ns
const (
	stateMagic = "\xe5LS2"
	stateSize  = 80
)

// State returns what is known of leases up to the entry index, which must be committed. Put it into each snapshot: after a
// compaction nothing else tells how long a new leader has to wait. Give it to [Lease.Restore] where
// the snapshot arrives, and to [WithState] at a start.
func (l *Lease) State(index uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.history
	if index > h.visible() {
		return nil, fmt.Errorf("%w: entry %d, and entries up to %d are", ErrNotCommitted, index, h.visible())
	}
	// The grant may be of entries after index. They are committed, so every leader to come has them.
	return encodeState(history{folded: index, settled: min(h.settled, index), all: latest{committed: h.all.committed}, floor: h.floor, longest: h.longest}), nil
}

// NoLeases returns the state of a log none of whose entries up to index has granted a lease: for one that was compacted up to there before
// this package was in use. It is for [WithState], at the first start with leases.
func NoLeases(index uint64) []byte { return encodeState(history{folded: index}) }

// Restore tells of the leases in a snapshot that has arrived from another member. Call it right before [Lease.Ready] with
// the Ready that has the snapshot.
func (l *Lease) Restore(state []byte) error {
	restored, err := decodeState(state)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.history
	if restored.folded < h.visible() {
		return fmt.Errorf("%w: a snapshot of entry %d, and entries up to %d are committed", ErrCorrupt, restored.folded, h.visible())
	}
	restored.life = h.life
	l.restored = &restored // until Ready tells the role that goes with it: what is known by it is another leader's
	return nil
}

func encodeState(h history) []byte {
	b := make([]byte, 0, stateSize)
	b = append(b, stateMagic...)
	b = binary.BigEndian.AppendUint32(b, 0)
	for _, word := range []uint64{
		h.folded, h.settled,
		h.all.committed.node, uint64(h.all.committed.expiry), uint64(h.all.committed.duration),
		h.floor.node, uint64(h.floor.expiry), uint64(h.floor.duration),
		uint64(h.longest),
	} {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

func decodeState(b []byte) (history, error) {
	if len(b) != stateSize || string(b[:4]) != stateMagic || binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(b[8:], castagnoli) {
		return history{}, fmt.Errorf("%w: %d bytes that are not what State has returned", ErrCorrupt, len(b))
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(b[8+8*i:]) }
	granted := grant{node: word(2), expiry: truetime.Time(word(3)), duration: time.Duration(word(4))}
	h := history{
		folded: word(0), settled: word(1), commit: word(0),
		all:     latest{committed: granted, newest: granted},
		floor:   grant{node: word(5), expiry: truetime.Time(word(6)), duration: time.Duration(word(7))},
		longest: time.Duration(word(8)),
	}
	switch {
	case h.settled > h.folded:
		return history{}, fmt.Errorf("%w: entry %d is settled in a snapshot of entry %d", ErrCorrupt, h.settled, h.folded)
	case h.longest < max(granted.duration, h.floor.duration) || h.longest > maxDuration:
		return history{}, fmt.Errorf("%w: the longest lease in a snapshot is for %v", ErrCorrupt, h.longest)
	}
	return h, errors.Join(granted.validate(), h.floor.validate())
}
