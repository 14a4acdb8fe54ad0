package lease

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFile reads arbitrary bytes as the file of a lease, as they are and with the checksum that
// they should have. What is read is refused as corrupt, or is a record of this lease that can be
// written again.
func FuzzFile(f *testing.F) {
	const wanted = "a lease"
	for _, name := range []string{wanted, "another", ""} {
		for _, r := range extremes {
			r.Version = max(r.Version, 1)
			data, err := r.encode(&name)
			require.NoError(f, err)
			f.Add(data, name)
			f.Add(data[len(header)+checksumDigits+1:], name) // as it is where the checksum is made anew
		}
	}
	nameless, err := holding(7).record.encode(nil)
	require.NoError(f, err)
	f.Add(nameless, wanted)
	f.Add([]byte(nil), wanted)

	path := filepath.Join(f.TempDir(), "x.lease")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, data := range [][]byte{data, append([]byte(header+checksum(data)+"\n"), data...)} {
			require.NoError(t, os.WriteFile(path, data, 0o600))
			r, err := read(path, name)
			if err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
				require.Equal(t, Record{}, r)
				require.ErrorContains(t, err, path)
				continue
			}
			require.Positive(t, r.Version)
			again, err := r.encode(&name)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, again, 0o600))
			back, err := read(path, name)
			require.NoError(t, err)
			require.Equal(t, r, back)
		}
	})
}
