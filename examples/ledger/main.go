// Command ledger is a small externally consistent ledger, and shows what its parts are for.
//
//	ledger demo     three nodes on loopback, with faults, and a judge
//	ledger store    a disk that nodes share
//	ledger member   a member of an etcd cluster, for who has none
//	ledger serve    one node
//	ledger bench    load on a cluster, or the cost of commit-wait
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	commands := map[string]func(context.Context, []string) error{"demo": demo, "store": store, "member": member, "serve": serve, "bench": bench}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: ledger demo|store|member|serve|bench [flags]; -h tells the flags of each")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "ledger %s: %v\n", os.Args[1], err)
		}
		os.Exit(1)
	}
}
