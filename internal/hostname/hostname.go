// Package hostname says what can be the name of a host and the zone of an address, for the sources that are given
// one: what they accept has one written form, so that one server has one name.
package hostname

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxLength = 253 // RFC 1035 section 2.3.4, without the final dot

// Valid reports whether s is a host name in lower case without a final dot.
func Valid(s string) bool {
	if s == "" || len(s) > maxLength {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				return false
			}
		}
	}
	return true
}

// ValidZone reports whether an interface can have the name, which may be empty. [net/netip.ParseAddr] takes anything after
// the % for a zone, also what nobody could tell from a port or an end of the address.
func ValidZone(s string) bool {
	const long = 64 // Linux has 15 bytes, and Windows writes more
	return len(s) <= long && utf8.ValidString(s) && !strings.HasSuffix(s, ".") && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune("%[]/:", r)
	})
}
