// Package inwords says in words what a clock reports in numbers: the same in a terminal and on the status page.
package inwords
