package testbed

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// smallestFaketime is the least offset that libfaketime makes a lie in both stamps. It does not
// reach the kernel's receive stamps: a smaller one leaves T2 true while T3 is false, which a client
// may reject by arithmetic alone, as T3−T2 exceeds the round trip. From about one second on chronyd
// distrusts a kernel stamp that is so far from its own reading, and uses that instead.
const smallestFaketime = 2 * time.Second

// StartFaketimedChronyd starts a server that believes, under libfaketime, that the host's clock is
// ahead by offset, at least 2 s, and serves that at stratum 1 with the claim of an honest one. Its
// monotonic clock is left alone, or its timers would not run.
func StartFaketimedChronyd(t testing.TB, offset time.Duration) *Chronyd {
	t.Helper()
	if offset < smallestFaketime {
		t.Fatalf("testbed: libfaketime cannot make a chronyd wrong by %v in both stamps; ask for at least %v", offset, smallestFaketime)
	}
	RequireBinary(t, "faketime", "chronyd")
	// The command faketime would only set these variables, and stay on as the daemon's parent.
	libraries, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(libraries) == 0 {
		t.Fatalf("testbed: libfaketime.so.1 is not below /usr/lib although faketime is installed; %s", howToInstall("faketime"))
	}
	environment := []string{
		"LD_PRELOAD=" + libraries[0],
		fmt.Sprintf("FAKETIME=+%.9f", offset.Seconds()),
		"FAKETIME_DONT_FAKE_MONOTONIC=1",
	}
	return launch(t, []string{serveHostClock}, environment, func(reply exchange) error {
		if err := reply.usable(); err != nil {
			return err
		}
		return isWrongBy(reply, offset)
	})
}
