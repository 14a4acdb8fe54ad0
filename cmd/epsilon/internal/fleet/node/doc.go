// Package node is a machine of a fleet on the network: it asks its peers in each round, answers when it is asked, and keeps what follows in a
// [fleet.Machine].
//
// All goes through the sockets that it listens at, requests of its own also, so that one port has to be open and a reply comes from where the
// request went to. Its own entry in the list of peers is recognised by its address. Behind a
// translation of addresses it is recognised by its own reply, and then counts as one machine more, as anybody could reply so.
package node
