//go:build linux

package machine

import (
	"bufio"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// scriptedQMP answers each command with the next lines of a script.
func scriptedQMP(t *testing.T, answers ...string) *qmp {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		commands := bufio.NewScanner(theirs)
		for _, answer := range answers {
			if !commands.Scan() {
				return
			}
			if _, err := theirs.Write([]byte(answer)); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		_ = theirs.Close()
		<-done
	})
	return &qmp{conn: ours, reader: bufio.NewReader(ours)}
}

func TestEventsThatComeBeforeAnAnswerAreKept(t *testing.T) {
	q := scriptedQMP(t, `{"event":"STOP"}`+"\n"+`{"return":{"status":"paused"}}`+"\n"+`{"event":"SUSPEND"}`+"\n")
	var result struct{ Status string }
	require.NoError(t, q.do("query-status", nil, &result))
	require.Equal(t, "paused", result.Status)
	require.NoError(t, q.await("STOP"))
	require.NoError(t, q.await("SUSPEND"))
}

func TestCommandThatFailsSaysWhich(t *testing.T) {
	q := scriptedQMP(t, `{"error":{"class":"GenericError","desc":"the guest is not suspended"}}`+"\n", "nonsense\n")
	require.EqualError(t, q.do("system_wakeup", nil, nil), "qmp: system_wakeup: the guest is not suspended")
	require.ErrorContains(t, q.do("stop", nil, nil), "qmp: stop: invalid character")
}
