package main

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The picture in docs is what the command draws: run it again after a change of the engine.
func TestPictureIsAsDrawn(t *testing.T) {
	readings, votes := live()
	for _, r := range readings {
		require.True(t, r.earliest <= 0 && 0 <= r.latest, "true time is outside: %v", r)
	}
	require.Len(t, votes, 4)
	for i, v := range votes {
		require.Equal(t, i == 3, v.liar, "%v", v)
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors round fused multiplications in another way")
	}
	kept, err := os.ReadFile("../../docs/interval.svg")
	require.NoError(t, err)
	require.Equal(t, string(kept), string(draw(readings, votes)), "go run ./bench/picture > docs/interval.svg")
}
