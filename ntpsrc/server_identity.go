package ntpsrc

import (
	"encoding/binary"
	"encoding/hex"
	"math"
)

// identity is what a reply shows of which machine sent it, or empty if it shows nothing: see
// [truetime.Sample]. One machine says the same in every reply until its clock is corrected again,
// whichever of its addresses is asked. Two machines that follow the same server differ in when they
// were corrected, to the fraction of a microsecond, and in their root delay.
//
// Root dispersion is left out, as it grows between replies. So is a reference time of whole
// seconds: a clock that is corrected by a pulse at every second, and does not say more precisely
// when, has that in common with every other machine of its make.
func (h header) identity() string {
	if h.reference&math.MaxUint32 == 0 {
		return ""
	}
	var b [18]byte
	copy(b[:4], h.referenceID[:])
	binary.BigEndian.PutUint64(b[4:], uint64(h.reference))
	binary.BigEndian.PutUint32(b[12:], h.rootDelay)
	b[16], b[17] = h.stratum, byte(h.precision)
	return hex.EncodeToString(b[:])
}
