package ticks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func requireUsable(t testing.TB) {
	t.Helper()
	if err := Usable(); err != nil {
		t.Skipf("the processor's counter cannot be used here: %v", err)
	}
}

func TestReadNeverGoesBackOnOneThread(t *testing.T) {
	requireUsable(t)
	last := Read()
	for range 100_000 {
		now := Read()
		require.GreaterOrEqual(t, now, last)
		last = now
	}
}

func TestReadAdvances(t *testing.T) {
	requireUsable(t)
	start := Read()
	for range 1_000_000 {
		if Read() > start {
			return
		}
	}
	t.Fatal("the counter stands still")
}

func BenchmarkRead(b *testing.B) {
	requireUsable(b)
	for b.Loop() {
		Read()
	}
}
