// Epsilon keeps the time of a host: one daemon polls the sources, and tells every process between which
// two moments true time is.
//
//	epsilon serve --demo      try it, without a network
//	epsilon serve             run the clock of this host
//	epsilon status            how it is
//	epsilon wait --within 1ms until ε is small enough
//
// # Exit codes
//
//	0  it is as asked: the clock answers, ε is small enough, the configuration is good
//	1  it is not: no answer, not in time, or the daemon failed
//	2  there is nobody to ask, or the command was used in a wrong way, or the configuration is bad
//
// Doctor differs: it exits with the number of its findings, and with 125 if it was used in a wrong way or had nothing to measure by.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process as it would any other
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
