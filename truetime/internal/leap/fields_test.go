package leap

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// A newer table may begin earlier than the one that an epoch began with, and say nothing more about the end of a month.
func TestStateOfABeliefWhoseTableWasReplacedWithinAMonth(t *testing.T) {
	built := BuiltIn()
	older, err := NewTable(built.Entries()[20:], built.Expiry()-UTC(day), "older")
	require.NoError(t, err)
	voters := Voters{Sources: 1, Voters: 1, Count: func(func(int) bool) int { return 0 }}
	b := NewBelief(older, voters)
	now := TAI(built.Expiry() + UTC(300*day))
	require.NoError(t, b.Anchor(now, now, now))
	require.NoError(t, b.Learn(built))
	require.Same(t, built, b.Table())

	text, read := snapshot.Write(b.Fields), NewBelief(built, voters)
	lines := strings.Split(string(text), "\n")
	require.NoError(t, snapshot.Read(func() (string, error) {
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}, read.Fields))
	require.Equal(t, string(text), string(snapshot.Write(read.Fields)))
	require.Equal(t, b.question, read.question)
	was, is := b.Output(now), read.Output(now)
	require.Equal(t, [3]int64{was.Offset, int64(was.From), int64(was.Until)}, [3]int64{is.Offset, int64(is.From), int64(is.Until)})
}
