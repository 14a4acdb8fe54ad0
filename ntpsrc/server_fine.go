package ntpsrc

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/epsilontime/epsilon/internal/extension"
)

// Finer bounds
//
// The header states root delay and root dispersion in 2⁻¹⁶ s. A server rounds both up, and a client
// adds a unit to each, as some round down: up to 46 µs in all, which is more than all the rest on a
// short path. Two extension fields are finer:
//
//   - that of chrony 4.2 and later, an experiment ("extfield F323"): root delay and root dispersion in
//     2⁻²⁸ s, 4 ns, rounded up. 2^precision is added as ever;
//   - ours (package extension): the ends of the server's interval in 2⁻³² s, and nothing is added.
//
// A server sends one to whoever asks with an empty one of the same type.
//
// A field has no more authority than the header beside it: whoever can write one can write the other.
// So it says the same or it says nothing. What it claims has to lie in what the header can have been
// rounded from, and a reply in which it does not is refused: then one of the two is wrong, and there
// is no telling which. What says nothing leaves the header's claim as it is: another type, magic,
// length or version, an empty field that was sent back, or fields that cannot be read.

// chronyKind is the type of chrony's field (NTP_EF_EXP_MONO_ROOT in its ntp.h), and chronyMagic
// what its body of six words begins with. Root delay and root dispersion follow, and then a stamp of
// another clock of the server's, which is not used here.
const (
	chronyKind  = 0xF323
	chronyMagic = 0xF5BEDD9A
	chronyBody  = 24
	chronyUnit  = 1 << 28 // units in a second
)

// chronyQuestion is the body in a request. That of a reply has a stamp that is not 0.
func chronyQuestion() []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, chronyBody), chronyMagic)[:chronyBody]
}

// appendQuestions appends the empty fields by which a client asks. Each is long enough to be the
// last of a packet that is not authenticated (RFC 7822 section 7.5.1.4).
func appendQuestions(request []byte) []byte {
	request = extension.Append(request, chronyKind, chronyQuestion())
	return extension.AppendBounds(request, extension.Bounds{})
}

// finest is E as a reply with these fields states it most finely, and whether a field has stated it.
func (h header) finest(fields []byte) (e time.Duration, finer bool, err error) {
	e = h.claim()
	for f, malformed := range extension.Fields(fields, 0, extension.Smallest) {
		if malformed != nil || f.Kind == extension.NTSAuthenticator {
			break // what follows is no field, or one that is not authenticated
		}
		stated, said, err := h.finer(f)
		switch {
		case err != nil:
			return 0, false, err
		case said && finer:
			return 0, false, unusable("two extension fields in the reply bound the server's error")
		case said:
			e, finer = stated, true
		}
	}
	return e, finer, nil
}

// finer is E by an extension field, if the field says it.
func (h header) finer(f extension.Field) (e time.Duration, said bool, err error) {
	if bounds, ok := extension.BoundsOf(f); ok {
		return h.finerByEnds(bounds)
	}
	if f.Kind == chronyKind && len(f.Body) == chronyBody && binary.BigEndian.Uint32(f.Body) == chronyMagic && !bytes.Equal(f.Body, chronyQuestion()) {
		return h.finerByRoot(binary.BigEndian.Uint32(f.Body[4:]), binary.BigEndian.Uint32(f.Body[8:]))
	}
	return 0, false, nil
}

// finerByRoot is E by chrony's field. Each of the two has to be within one unit of the header's, as it
// is whichever way the header was rounded. The largest value stands for all that are larger.
func (h header) finerByRoot(delay, dispersion uint32) (e time.Duration, said bool, err error) {
	const largest = 1<<32 - 1
	if delay == largest || dispersion == largest {
		return 0, false, nil
	}
	within := func(finer, coarse uint32) bool {
		const units = chronyUnit / headerUnit
		difference := int64(finer) - int64(coarse)*units
		return -units <= difference && difference <= units
	}
	if !within(delay, h.rootDelay) || !within(dispersion, h.rootDispersion) {
		return 0, false, unusable("the server contradicts itself: its root delay and root dispersion are %v and %v in an extension field, and %v and %v in the header",
			inUnits(delay, chronyUnit), inUnits(dispersion, chronyUnit), inUnits(h.rootDelay, headerUnit), inUnits(h.rootDispersion, headerUnit))
	}
	return h.claimOf(delay, dispersion, chronyUnit), true, nil
}

// finerByEnds is E by our field: the farther of the two ends from the stamp beside it. Each has to be
// as far as the header can mean: E as the client reads it at most, and at least what is left if both
// its fields were rounded up by a unit, and the stamps by up to a nanosecond. So an end is never on
// the wrong side of its stamp, and facts judges what the two say of each other.
func (h header) finerByEnds(b extension.Bounds) (e time.Duration, said bool, err error) {
	if b == (extension.Bounds{}) {
		return 0, false, nil
	}
	const rounding = time.Nanosecond // of the difference
	after := timestamp(b.Latest).since(h.received) + rounding
	before := h.transmitted.since(timestamp(b.Earliest)) + rounding
	least := inUnits(h.rootDelay-min(h.rootDelay, 1), 2*headerUnit) + inUnits(h.rootDispersion-min(h.rootDispersion, 1), headerUnit) - time.Nanosecond
	if min(after, before) < max(least, 0) || max(after, before) > h.claim() {
		return 0, false, unusable("the server contradicts itself: true time was at most %v after its receive stamp and at least %v before its transmit stamp, by an extension field, and the header claims an error of %v to %v",
			after, before, max(least, 0), h.claim())
	}
	return max(after, before) + time.Nanosecond, true, nil // T2 is rounded down to nanoseconds
}

// inUnits is so many units, of which unit are a second, rounded down.
func inUnits(n uint32, unit uint64) time.Duration {
	return time.Duration(uint64(n) * uint64(time.Second) / unit)
}
