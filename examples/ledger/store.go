package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
)

// store serves a Pebble engine to the nodes of a cluster.
func store(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("store", flag.ContinueOnError)
	folder := flags.String("dir", "ledger-data", "the folder with the data; made if it is not there")
	address := flags.String("listen", "127.0.0.1:7400", "address to serve nodes at")
	isHeld := flags.Bool("held", false, "whoever starts this holds the address for it, as demo does")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := listen(*address, *isHeld)
	if err != nil {
		return err
	}
	defer listener.Close()
	e, err := openPebble(*folder, vfs.Default)
	if err != nil {
		return err
	}
	return errors.Join(serveUntil(ctx, listener, engine.Handler(e)), e.Close())
}

func openPebble(folder string, files vfs.FS) (*engine.Pebble, error) {
	return engine.OpenPebble(folder, files, func(text string) {
		fmt.Fprintln(os.Stderr, "ledger:", text)
		os.Exit(1)
	})
}

// member runs a member of an etcd cluster, which is etcd itself.
func member(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("member", flag.ContinueOnError)
	name := flags.String("name", "member0", "its name in the cluster")
	folder := flags.String("dir", "ledger-etcd", "the folder with the data; made if it is not there")
	listen := flags.String("listen", "127.0.0.1:2379", "address to serve nodes at")
	peer := flags.String("peer", "127.0.0.1:2380", "address to serve the other members at")
	cluster := flags.String("cluster", "member0=http://127.0.0.1:2380", "all members, name=http://peer,…")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := engine.StartMember(*folder, *name, *listen, *peer, *cluster)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.Wait(ctx)
}
