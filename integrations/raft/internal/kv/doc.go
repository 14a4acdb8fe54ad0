// Package kv is a key-value store of a few members on go.etcd.io/raft/v3, to show how package epsilonraft is put into one, and
// to test and measure it.
//
// A [Replica] is one member without threads, clock and network: it is driven by messages and ticks, by a simulation or by a
// [Node], which does that in life. What belongs to the leases is in replica.go, marked "lease:".
package kv
