package truetime

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALeapReportIsReadByProgramsAndByPeople(t *testing.T) {
	midnight, expiry := FromStd(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)), FromStd(time.Date(2027, 12, 28, 0, 0, 0, 0, time.UTC))
	for status := range LeapStatusSmearedBySources + 1 {
		state := LeapReport{Status: status, TableExpiry: expiry, TableExpired: status%2 == 0, TableSource: "a file", TableRefused: "it is damaged"}
		if status > LeapStatusNone && status < LeapStatusSmearedBySources {
			state.At = midnight
			require.Contains(t, state.String(), " before 2028-01-01")
		}
		require.Contains(t, state.String(), "2027-12-28")
		require.Contains(t, state.String(), "; not used: it is damaged")
		text, err := json.Marshal(state)
		require.NoError(t, err)
		require.Contains(t, string(text), `"Status":"`+status.String()+`"`)
		var read LeapReport
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, state, read)
	}
	var s LeapStatus
	require.ErrorContains(t, s.UnmarshalText([]byte("soon")), `"soon" is none of`)
}
