// Package line evaluates what a clock publishes: two lines over the raw readings of a counter, between
// which true time runs.
//
// A clock in this process and the readers of another process's clock answer with this one code. It
// knows nothing of where the lines come from: package discipline makes them, and says why they hold.
//
// # Range
//
// A reading x is evaluated as time + ⌊(x − at) · 2^up · rate / 2⁶⁴⌋, where the product has all its 128
// bits. Whoever makes a [Pair] keeps times below [TimeLimit], and x − at below [SpanLimit] units, so
// that nothing overflows. Whatever the numbers are, nothing panics.
package line
