//go:build !linux

package ptpsrc

import (
	"net"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// Elsewhere than on Linux the kernel's stamps are not used.

func requestStamps(*net.UDPConn) bool { return false }

func stampOf([]byte, monotonic.Counter) (int64, wallclock.Reading) { return 0, wallclock.Reading{} }

func takeSent(*net.UDPConn, []byte, []byte) (n int, stamp int64, ok bool) { return 0, 0, false }
