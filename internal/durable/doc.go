// Package durable writes files that survive a crash of the machine, and sees that one process at a
// time does so.
//
// What is written with [Replace] is found again whole, or what was there before. A [Lock] keeps
// other processes away meanwhile. Both need what each operating system does in its own way.
package durable
