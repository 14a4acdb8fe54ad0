package ptpsrc

import (
	"errors"
	"testing"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// queued is what the kernel has in its queue: a packet and its stamp.
type queued struct {
	packet []byte
	stamp  int64
}

// way is what stands before a datagram in a packet: headers of Ethernet, IPv6 and UDP.
var way = make([]byte, 14+40+8)

func looped(d *departure, stamp int64) queued {
	return queued{append(append([]byte(nil), way...), d.datagram...), stamp}
}

// takeAll has the departures take what is queued, in that order.
func takeAll(all *departures, queue ...queued) {
	for range len(queue)/maxStamps + 1 {
		all.take(func(packet, _ []byte) (int, int64, bool) {
			if len(queue) == 0 {
				return 0, 0, false
			}
			q := queue[0]
			queue = queue[1:]
			return copy(packet, q.packet), q.stamp, true
		})
	}
}

// newDepartures are those of a Port without sockets.
func newDepartures() (all *departures, begin func() *departure) {
	p := &Port{identity: randomIdentity(), departures: departures{waiting: make(map[uint16]*departure)}}
	return &p.departures, func() *departure {
		d, err := p.departures.begin(func(sequence uint16) ([]byte, error) { return protocol.Bytes(p.delayReq(0, sequence)) })
		if err != nil {
			panic(err)
		}
		return d
	}
}

func TestStampGoesToTheMessageThatItIsOf(t *testing.T) {
	all, begin := newDepartures()
	first, second, third := begin(), begin(), begin()
	takeAll(all, looped(third, 300), looped(first, 100)) // in whatever order, and of the second it is lost
	require.EqualValues(t, 100, all.stampOf(first))
	require.Zero(t, all.stampOf(second))
	require.EqualValues(t, 300, all.stampOf(third))
	takeAll(all, looped(second, 200)) // it was only late
	require.EqualValues(t, 200, all.stampOf(second))
}

func TestFirstOfSeveralStampsCounts(t *testing.T) {
	all, begin := newDepartures()
	d := begin()
	takeAll(all, looped(d, 100), looped(d, 250), looped(d, 100))
	takeAll(all, looped(d, 300))
	require.EqualValues(t, 100, all.stampOf(d))
}

// Whatever is not the whole message at the end of a packet may be another one.
func TestPacketThatDoesNotEndWithTheMessageIsNotOfIt(t *testing.T) {
	all, begin := newDepartures()
	d := begin()
	whole := looped(d, 1).packet
	changed := func(at int) []byte {
		b := append([]byte(nil), whole...)
		b[at] ^= 1
		return b
	}
	for name, packet := range map[string][]byte{
		"empty":                nil,
		"cut at the end":       whole[:len(whole)-1],
		"cut at the beginning": d.datagram[1:],
		"with something after": append(append([]byte(nil), whole...), 0),
		"of another port":      changed(len(way) + 25),
		"of another domain":    changed(len(way) + domainAt),
		"of another number":    changed(len(way) + sequenceAt + 1),
		"of another kind":      changed(len(way)),
	} {
		takeAll(all, queued{packet, 77})
		require.Zero(t, all.stampOf(d), name)
	}
	takeAll(all, queued{d.datagram, 78}) // alone it is the whole message too
	require.EqualValues(t, 78, all.stampOf(d))
}

func TestStampOfAMessageThatWasForgottenIsNobodys(t *testing.T) {
	all, begin := newDepartures()
	first := begin()
	all.forget(first)
	second := begin()
	takeAll(all, looped(first, 100))
	require.Zero(t, all.stampOf(first))
	require.Zero(t, all.stampOf(second))
	all.forget(first)
	all.forget(nil)
	takeAll(all, looped(second, 200))
	require.EqualValues(t, 200, all.stampOf(second), "forgetting one twice forgets no other")
	all.forget(second)
	require.Empty(t, all.waiting)
}

// A message whose number has come round again is like the one that had it, byte by byte. The stamp
// of the later one must not go to the earlier.
func TestNumberThatComesRoundAgainTakesTheStampFromTheEarlierMessage(t *testing.T) {
	all, begin := newDepartures()
	first := begin()
	for range 1<<16 - 1 {
		all.forget(begin())
	}
	again := begin()
	require.Equal(t, first.datagram, again.datagram)
	takeAll(all, looped(again, 500))
	require.Zero(t, all.stampOf(first))
	require.EqualValues(t, 500, all.stampOf(again))
	all.forget(first)
	require.NotNil(t, all.waiting[again.sequence], "and forgetting the earlier one does not forget the later")
}

func TestMessageThatCannotBeEncodedUsesNoNumber(t *testing.T) {
	all, begin := newDepartures()
	_, err := all.begin(func(uint16) ([]byte, error) { return nil, errors.ErrUnsupported })
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.Empty(t, all.waiting)
	require.EqualValues(t, 1, begin().sequence)
}

func TestManyStampsAreTakenInTurns(t *testing.T) {
	all, begin := newDepartures()
	d := begin()
	calls := 0
	all.take(func([]byte, []byte) (int, int64, bool) { calls++; return 0, 1, true })
	require.Equal(t, maxStamps, calls)
	takeAll(all, append(make([]queued, maxStamps), looped(d, 5))...)
	require.EqualValues(t, 5, all.stampOf(d))
}

// Whatever is sent, forgotten, lost, late, doubled and out of order: nobody has a stamp of a
// message that left after its own.
func TestNobodyHasTheStampOfALaterMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, begin := newDepartures()
		all.last = uint16(rapid.IntRange(0, 1<<16-1).Draw(t, "last"))
		left, now := map[*departure]int64{}, int64(0)
		var alive []*departure
		var queue []queued
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now++
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				d := begin()
				left[d], alive = now, append(alive, d)
				for range rapid.IntRange(0, 2).Draw(t, "devices") {
					queue = append(queue, looped(d, now))
				}
			case 2:
				if len(alive) > 0 {
					i := rapid.IntRange(0, len(alive)-1).Draw(t, "forgotten")
					all.forget(alive[i])
				}
			case 3:
				all.last -= uint16(rapid.IntRange(0, 2).Draw(t, "round")) // as if 65 536 less so many had been sent
			case 4:
				n := rapid.IntRange(0, len(queue)).Draw(t, "taken")
				takeAll(all, rapid.Permutation(queue[:n]).Draw(t, "order")...)
				queue = queue[n:]
			}
		}
		takeAll(all, queue...)
		for d, at := range left {
			if all.stampOf(d) > at {
				t.Fatalf("a message that left at %d has a stamp of %d", at, all.stampOf(d))
			}
		}
	})
}
