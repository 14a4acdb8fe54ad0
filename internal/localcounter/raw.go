package localcounter

import "fmt"

// reference is the system's own unslewed counter: the one to fall back on, and the one that a
// hardware counter is measured against.
//
// Each system has a file raw_GOOS.go with the type, what it is called, and
//
//	openReference()                      the way to read it here
//	read() (int64, error)                nanoseconds since an arbitrary moment
//	uninterrupted() (reference, func())  the quickest way, until the function is called
//	String()                             what is read, and how
//
// A reading that has succeeded once can fail later only if somebody takes away the permission.
// Readings are then 0, which looks like a counter that went back, and from then on stands still: a [Watch] says so at
// each look.

// now reads the reference.
func (r reference) now() int64 {
	ns, err := r.read()
	if err != nil {
		return 0
	}
	return ns
}

// check returns an error if the reference cannot be read.
func (r reference) check() error {
	if _, err := r.read(); err != nil {
		return fmt.Errorf("reading %s failed: %w", rawName, err)
	}
	return nil
}
