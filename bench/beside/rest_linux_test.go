package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThreadThatSpinsSleepsBeforeItIsMadeTo(t *testing.T) {
	const run = time.Hour // so that what the test takes does not matter
	began := time.Now()
	r := rest{since: began.Add(-run)}
	require.Zero(t, r.due(false), "something is under way")
	require.Equal(t, restPiece, r.due(true))
	r.took(began, began.Add(run/restShare+run/100))
	require.Zero(t, r.due(true), "it has had more than its share")
	r.took(began, began.Add(-run/50))
	require.Equal(t, restPiece, r.due(true))
	require.Greater(t, time.Second/restShare, 50*time.Millisecond, "what Linux takes")
}
