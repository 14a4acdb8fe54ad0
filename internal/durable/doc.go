// Package durable is what files that must survive a crash, and be written by one process at a time, need
// from each operating system.
package durable
