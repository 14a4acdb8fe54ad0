//go:build !unix

package testbed

// holdPort returns a loopback UDP port that nobody had a moment ago. It cannot be held here.
func holdPort() (port int, release func(), err error) {
	port, err = freePort()
	return port, func() {}, err
}
