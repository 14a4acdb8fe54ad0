//go:build !unix

package testbed

import "errors"

var errCannotHold = errors.New("only Unix lets a daemon share a port that is held for it")

func holdUDPSocket() (port int, release func(), err error) { return 0, nil, errCannotHold }

func holdTCPSocket() (port int, release func(), err error) { return 0, nil, errCannotHold }
