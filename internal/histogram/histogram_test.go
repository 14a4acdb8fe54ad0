package histogram

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBucketIsThatOfTheFirstBoundThatIsNotBelow(t *testing.T) {
	all := Bounds()
	require.Len(t, all, Buckets-1)
	require.IsIncreasing(t, all)
	for i, b := range all {
		require.Equal(t, i, Bucket(b))
		require.Equal(t, i, Bucket(b-1))
		require.Equal(t, i+1, Bucket(b+1))
	}
	require.Zero(t, Bucket(0))
	require.Equal(t, Buckets-1, Bucket(time.Duration(math.MaxInt64)))
}
