package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExample(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out), out.String())
	require.Regexp(t, `(?s)by its lease.*by ReadIndex.*cut off.*Another leads.*A write has been told. At the old leader: epsilonraft: no lease.*At the new leader: Bern`, out.String())
}
