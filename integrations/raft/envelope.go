package epsilonraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// The envelope of an entry, before the command, in big endian:
//
//	 0  magic
//	 4  CRC-32C of bytes 8 to 56
//	 8  member that has wrapped it
//	16  expiry, ns since the epoch; 0: no lease is granted
//	24  duration of the lease, ns
//	32  settled, an index
//	40  term in which settled was known
//	48  life of the member, drawn when it started
//
// The entries of a program that had no envelopes may begin with any bytes. By chance they pass for an envelope once in 2^64 entries. Those that
// begin with three bytes of the magic, as envelopes of other versions do, are ErrCorrupt, and no member can start with them: a program whose commands may do so cannot use this package.
const (
	envelopeMagic = "\xe5LR2"
	envelopeSize  = 56
)

// maxDuration is the longest lease. After the loss of a leader writes wait for as long, so more is a mistake, and an
// entry that claims more is not from this package.
const maxDuration = time.Hour

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A grant is a lease that an entry grants to whoever has wrapped it, for when that one leads, as soon as it is committed.
type grant struct {
	node     uint64        // who has computed the expiry
	expiry   truetime.Time // 0 if none is granted
	duration time.Duration
}

// later returns the grant that ends later.
func later(a, b grant) grant {
	if b.expiry > a.expiry {
		return b
	}
	return a
}

// fromFuture returns an error if no correct clock can have computed the expiry: it was Earliest + duration before now.
func (g grant) fromFuture(now truetime.Interval) error {
	if g.expiry <= now.Latest.Add(g.duration) {
		return nil
	}
	return fmt.Errorf("%w: member %x has granted one until %v for %v, and it is %v at the latest: compare the clocks, then see Revoke",
		ErrFromFuture, g.node, g.expiry, g.duration, now.Latest)
}

// A stamp is what an envelope says.
type stamp struct {
	grant
	settled uint64 // every read that began after this was written sees this index, or what cannot be told from it
	term    uint64 // in the logs of leaders of this term or a later one
	life    uint64 // of the member that has wrapped it: it reads by no other leases than those of its own life
}

func (s stamp) append(to, command []byte) []byte {
	begin := len(to)
	to = append(to, envelopeMagic...)
	to = binary.BigEndian.AppendUint32(to, 0)
	to = binary.BigEndian.AppendUint64(to, s.node)
	to = binary.BigEndian.AppendUint64(to, uint64(s.expiry))
	to = binary.BigEndian.AppendUint64(to, uint64(s.duration))
	to = binary.BigEndian.AppendUint64(to, s.settled)
	to = binary.BigEndian.AppendUint64(to, s.term)
	to = binary.BigEndian.AppendUint64(to, s.life)
	binary.BigEndian.PutUint32(to[begin+4:], crc32.Checksum(to[begin+8:], castagnoli))
	return append(to, command...)
}

// open takes the envelope off. Data without one is ErrNotWrapped, and the empty data that raft itself proposes at
// the beginning of a term is an empty command.
func open(data []byte) (stamp, []byte, error) {
	switch {
	case len(data) == 0:
		return stamp{}, nil, nil
	case len(data) < len(envelopeMagic) || string(data[:3]) != envelopeMagic[:3]:
		return stamp{}, nil, ErrNotWrapped
	case data[3] != envelopeMagic[3]:
		return stamp{}, nil, fmt.Errorf("%w: an envelope of version %q: this is version %q", ErrCorrupt, data[3], envelopeMagic[3])
	case len(data) < envelopeSize:
		return stamp{}, nil, fmt.Errorf("%w: an envelope of %d bytes: it has %d", ErrCorrupt, len(data), envelopeSize)
	case binary.BigEndian.Uint32(data[4:]) != crc32.Checksum(data[8:envelopeSize], castagnoli):
		return stamp{}, nil, fmt.Errorf("%w: the checksum of an envelope does not fit", ErrCorrupt)
	}
	s := stamp{
		grant: grant{
			node:     binary.BigEndian.Uint64(data[8:]),
			expiry:   truetime.Time(binary.BigEndian.Uint64(data[16:])),
			duration: time.Duration(binary.BigEndian.Uint64(data[24:])),
		},
		settled: binary.BigEndian.Uint64(data[32:]),
		term:    binary.BigEndian.Uint64(data[40:]),
		life:    binary.BigEndian.Uint64(data[48:]),
	}
	return s, data[envelopeSize:], s.grant.validate()
}

func (g grant) validate() error {
	if g == (grant{node: g.node}) || g.expiry > 0 && g.duration > 0 && g.duration <= maxDuration {
		return nil
	}
	return fmt.Errorf("%w: member %x grants a lease until %v for %v", ErrCorrupt, g.node, g.expiry, g.duration)
}

// Unwrap returns the command that was given to [Lease.Wrap]. It is empty for what raft proposes itself at the beginning
// of a term, and for what renews the lease of an idle leader: there is nothing to apply then.
//
// [ErrNotWrapped] is for data that was not wrapped, as in a log of the program before it had leases: the command is
// the data then. [ErrCorrupt] is for data that was, and is damaged.
func Unwrap(data []byte) ([]byte, error) {
	_, command, err := open(data)
	if err != nil {
		return nil, err
	}
	return command, nil
}

// command returns what an entry's data may change, with or without an envelope.
func command(data []byte) (stamp, []byte, error) {
	s, c, err := open(data)
	if errors.Is(err, ErrNotWrapped) {
		return stamp{}, data, nil
	}
	return s, c, err
}
