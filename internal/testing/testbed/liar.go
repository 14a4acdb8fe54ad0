package testbed

import (
	"fmt"
	"testing"
	"time"
)

// How to make chronyd lie by exactly so much
//
// The liar is a chronyd that follows an honest one, private to it, and that is told by the server
// option "offset" to add a constant to what it hears. So it believes that the clock is wrong and
// corrects it. Under -x the clock driver is chronyd's sys_null.c, which keeps the correction as a
// number, at once and in full, where the real drivers would slew or step the kernel's clock.
// chronyd adds that number to every time it reads, also to the kernel's receive stamps. So T2 and
// T3 are both wrong by the offset, T3-T2 stays plausible, and the claim is as small as the distance
// to the honest server: a falseticker that cannot be told from a truechimer by its own answers.
//
// A "makestep" would not help: sys_null.c has no step, and needs none.
//
// libfaketime around an honest chronyd is the other way, for large lies only: see faketime.go. The
// way above is the same for every size and sign.

const (
	// smallestLie is the least offset that shows: a claim and a round trip on loopback, together up
	// to 0.1 ms, would make an answer with a smaller one true.
	smallestLie = 200 * time.Microsecond
	// lieErrorMax bounds how far a large lie may be from the wanted offset. 10 µs is usual; the
	// rest is the round trip of the question that measures it, on a busy machine.
	lieErrorMax = 100 * time.Microsecond
	// lieClaimMax is the largest claim with which a liar is ready. The usual one is 23 µs, and the
	// least possible: one unit of 2⁻¹⁶ s in each of the two fields, the root delay halved.
	lieClaimMax = 50 * time.Microsecond
)

// StartLyingChronyd starts a server whose time is wrong by offset, at stratum 2. Both of its stamps
// are wrong by the same amount. When it returns, a real answer has shown that the served offset is
// within a fifth of offset, and within 0.1 ms, of the wanted one, and that the claimed error is
// below 0.05 ms. In the first tenths of a second the claim may still rise to 0.1 ms; then it is
// 23 µs.
//
// An offset of less than 0.2 ms fails the test, because it would not be a lie that shows.
func StartLyingChronyd(t testing.TB, offset time.Duration) *Chronyd {
	t.Helper()
	if offset.Abs() < smallestLie {
		t.Fatalf("testbed: a chronyd that is wrong by %v is not a liar; ask for at least %v", offset, smallestLie)
	}
	honest := StartChronyd(t)
	// 16 questions a second: the first answers make the lie, a few more make the liar sure of it.
	// The liar itself has no "local" directive, so it says that it is not synchronised until it
	// lies.
	follow := fmt.Sprintf("server 127.0.0.1 port %d minpoll -4 maxpoll -4 offset %.9f", honest.port, offset.Seconds())
	return launch(t, []string{follow}, nil, func(reply exchange) error { return lies(reply, offset) })
}

// lies says why a reply does not show that its server is wrong by offset and sure of itself.
func lies(reply exchange, offset time.Duration) error {
	if err := reply.usable(); err != nil {
		return err
	}
	if err := isWrongBy(reply, offset); err != nil {
		return err
	}
	if reply.claim() > lieClaimMax {
		return fmt.Errorf("wanted a claim of at most %v: %v", lieClaimMax, reply)
	}
	return nil
}

// isWrongBy says why a reply does not show that both of its stamps are wrong by offset.
func isWrongBy(reply exchange, offset time.Duration) error {
	tolerance := min(offset.Abs()/5, lieErrorMax)
	if lower, upper := reply.offset(); lower > upper || lower < offset-tolerance || upper > offset+tolerance {
		return fmt.Errorf("wanted an offset of %v ± %v: %v", offset, tolerance, reply)
	}
	return nil
}
