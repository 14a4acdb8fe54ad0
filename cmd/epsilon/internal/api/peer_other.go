//go:build !linux

package api

import "net"

// peerOf knows nobody here, so that nobody may have the daemon do anything.
func peerOf(*net.UnixConn) (uid uint32, known bool) { return 0, false }
