// Package webserver serves HTTP to people and to probes: read only, with a limit on everything that a client could use up. Where it
// listens on loopback it answers to no other name than that host's, or any web page could have a browser read it (DNS rebinding).
package webserver
