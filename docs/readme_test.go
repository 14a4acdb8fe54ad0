package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longest is how many words the README may have, with its code and tables. It is what a stranger reads first: what is
// for those who have stayed belongs into a document of its own, or into the lists of docs/README.md.
const longest = 1000

func TestTheREADMEIsShort(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.LessOrEqual(t, len(strings.Fields(string(readme))), longest)
}
