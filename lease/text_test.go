package lease

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What an operator prints is read without the documentation beside it.
func TestRecordsAndReportsAreTextForPeople(t *testing.T) {
	const expiry = 1763628668_100000000
	session := Session{0xab, 15: 0x01}
	for want, value := range map[string]fmt.Stringer{
		"ab" + strings.Repeat("0", 28) + "01": session,
		"none":                                Session{},
		"no record":                           Record{},
		"version 7: given up, last token 3, TTL 10s": Record{Version: 7, Token: 3, TTL: 10 * time.Second},
		`version 7: held by "a:1" with token 3 until 2025-11-20T08:51:08.100000000Z, TTL 10s, session ` + session.String(): Record{
			Version: 7, Holder: "a:1", Session: session, Token: 3, Expiry: expiry, TTL: 10 * time.Second,
		},
		"uncertain: never acquired":                          Status{},
		"held: token 3 until 2025-11-20T08:51:08.100000000Z": Status{State: Held, Token: 3, Expiry: expiry},
		"expired: token 3 until 2025-11-20T08:51:08.100000000Z, timestamps up to 2025-11-20T08:51:08.099999999Z, " +
			"not renewed in 2 attempts: no route, over: lease: released": Status{
			State: Expired, Token: 3, Expiry: expiry, Issued: expiry - 1, Failures: 2, Failure: errors.New("no route"), Ended: ErrReleased,
		},
	} {
		require.Equal(t, want, value.String())
	}
}
