package commitwait

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/truetime"
)

// The queue against a plain list: whatever comes and goes, the head is one of the earliest, and
// every wait knows its place.
func TestQueueAgreesWithAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var plain []entry
		drop := func(e entry) {
			for i := range plain {
				if plain[i].wait == e.wait {
					plain = append(plain[:i], plain[i+1:]...)
					return
				}
			}
			t.Fatal("it was not there")
		}
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				e := entry{truetime.Time(rapid.IntRange(-5, 20).Draw(t, "timestamp")), &wait{}}
				q.push(e)
				plain = append(plain, e)
			},
			"go": func(t *rapid.T) {
				if len(plain) == 0 {
					t.Skip("nobody is there to go")
				}
				e := plain[rapid.IntRange(0, len(plain)-1).Draw(t, "which")]
				require.Equal(t, e, q.remove(e.index))
				require.Equal(t, absent, e.index)
				drop(e)
			},
			"pass": func(t *rapid.T) {
				if len(plain) > 0 {
					drop(q.remove(0))
				}
			},
			"": func(t *rapid.T) {
				require.Len(t, q, len(plain))
				for i, e := range q {
					require.Equal(t, i, e.index)
				}
				for _, e := range plain {
					require.LessOrEqual(t, q[0].timestamp, e.timestamp)
				}
			},
		})
	})
}
