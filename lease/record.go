package lease

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/epsilontime/epsilon/truetime"
)

// MaxName is the longest name of a lease or of a holder, in bytes.
const MaxName = 1024

// checkName returns an error for a name that some store could not keep: text columns refuse a zero
// byte and what is not UTF-8.
func checkName(name string) error {
	switch n := len(name); {
	case n == 0 || n > MaxName:
		return fmt.Errorf("it has %d bytes, and must have 1 to %d", n, MaxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%.80q is not UTF-8", name)
	case strings.Contains(name, "\x00"):
		return fmt.Errorf("%.80q has a zero byte", name)
	}
	return nil
}

// Token is a fencing token: it grows with every acquisition of a lease, so that a resource can tell
// a holder from its successors. Zero is never handed out.
type Token uint64

// maxToken leaves no room for a successor. A store that counts up to it is corrupt.
const maxToken = Token(math.MaxUint64)

// Session tells the acquisitions of a lease apart, also those by holders of the same name. It is
// random; zero stands for none.
type Session [16]byte

// String returns the session in hex, and "none" for zero.
func (s Session) String() string {
	if s == (Session{}) {
		return "none"
	}
	return hex.EncodeToString(s[:])
}

// Record is what a [Store] keeps under the name of a lease. A record, once stored, is never
// deleted: its token would begin again.
type Record struct {
	// Version is set by the store: zero if there is no record, and otherwise higher than that of
	// every record stored under the name before. It need not be consecutive.
	Version uint64

	// Holder is who holds the lease, as its candidate was named; empty if it was given up.
	Holder string

	// Session is the acquisition by which Holder holds it; zero if it was given up.
	Session Session

	// Token is that of the last acquisition, also after the lease was given up.
	Token Token

	// Expiry is the moment before which Holder may act and after which others may take over. Zero
	// if the lease was given up.
	Expiry truetime.Time

	// TTL is how long after the request the record was to last, at most.
	TTL time.Duration
}

// String says it in one line, for a person.
func (r Record) String() string {
	switch {
	case r == Record{}:
		return "no record"
	case r.free():
		return fmt.Sprintf("version %d: given up, last token %d, TTL %v", r.Version, r.Token, r.TTL)
	}
	return fmt.Sprintf("version %d: held by %.80q with token %d until %v, TTL %v, session %v",
		r.Version, r.Holder, r.Token, r.Expiry, r.TTL, r.Session)
}

// free reports whether nobody holds the lease: it was never taken, or it was given up.
func (r Record) free() bool { return r.Holder == "" }

// validate finds out what no store can have returned.
func (r Record) validate() error {
	switch {
	case r == Record{}:
		return nil // there never was one
	case r.Version == 0:
		return fmt.Errorf("%w: it has content and no version", ErrCorrupt)
	}
	return r.validateContent()
}

// validateContent finds out what no candidate can have written.
func (r Record) validateContent() error {
	switch {
	case r.Token == 0 || r.Token == maxToken:
		return fmt.Errorf("%w: token %d", ErrCorrupt, r.Token)
	case r.TTL <= 0 || r.TTL > MaxTTL:
		return fmt.Errorf("%w: time to live %v", ErrCorrupt, r.TTL)
	case !r.free() && checkName(r.Holder) != nil:
		return fmt.Errorf("%w: name of the holder: %w", ErrCorrupt, checkName(r.Holder))
	case r.free() && (r.Session != Session{} || r.Expiry != 0):
		return fmt.Errorf("%w: given up, and yet with a session or an expiry", ErrCorrupt)
	case !r.free() && (r.Session == Session{} || r.Expiry == 0):
		return fmt.Errorf("%w: held by %.80q without a session or an expiry", ErrCorrupt, r.Holder)
	}
	return nil
}

// State says whether a lease can be acted upon. The zero value is Uncertain, which permits nothing
// to anybody.
type State uint8

const (
	// Uncertain: the holder may not act any more and nobody may take over yet.
	Uncertain State = iota

	// Held: the lease has certainly not expired. Its holder may act.
	Held

	// Expired: the lease has certainly expired. Anybody may take over.
	Expired
)

// String returns the name of the state.
func (s State) String() string {
	switch s {
	case Uncertain:
		return "uncertain"
	case Held:
		return "held"
	case Expired:
		return "expired"
	}
	return strconv.Itoa(int(s))
}

// stateAt is the rule on which everything here stands. Two correct clocks never call the same
// expiry Held and Expired in the wrong order: the holder acts at t ≤ Latest < expiry, and its
// successor at t' ≥ Earliest > expiry, on whatever machines the clocks are.
func stateAt(now truetime.Interval, expiry truetime.Time) State {
	switch {
	case !now.Valid():
		return Uncertain
	case now.Before(expiry):
		return Held
	case now.After(expiry):
		return Expired
	}
	return Uncertain
}
