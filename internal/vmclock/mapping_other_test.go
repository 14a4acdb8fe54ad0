//go:build !(linux && (amd64 || arm64))

package vmclock

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenRefusesOnOtherSystems(t *testing.T) {
	_, err := Open(DefaultPath)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, DefaultPath)
}
