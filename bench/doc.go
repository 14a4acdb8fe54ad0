// Package bench measures what the clock costs, beside the operating system's clock and beside the
// least that is physically possible. There is nothing to import here.
//
//	go test -bench Now ./bench
//	go test -bench . -count 10 ./bench
//
// Compare figures of one run only: the ratios are what a machine's load and frequency leave alone.
//
// How wide the intervals are, beside those of other rules on the same samples, is the business of the
// command in compare, which measures no time and prints the same table for the same seed:
//
//	go run ./bench/compare
//
// And beside that of chronyd, between real daemons, of that in beside:
//
//	go run ./bench/beside
package bench
