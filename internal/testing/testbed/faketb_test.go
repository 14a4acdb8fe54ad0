package testbed

import (
	"fmt"
	"runtime"
	"testing"
)

// fakeTB stands in for the test under test: it records how it ended instead of ending ours.
type fakeTB struct {
	testing.TB
	skip, fatal, failure string
}

func (f *fakeTB) Skipf(format string, args ...any) {
	f.skip = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fakeTB) Errorf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
}

// runFake runs body as a test of its own; cleanups still belong to t.
func runFake(t *testing.T, body func(testing.TB)) *fakeTB {
	t.Helper()
	fake := &fakeTB{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(fake)
	}()
	<-done
	return fake
}
