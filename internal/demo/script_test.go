package demo

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

func parse(t *testing.T, text string) Script {
	t.Helper()
	s, err := ParseScript("script", text)
	require.NoError(t, err)
	return s
}

func TestAFaultLastsAsLongAsItIsToldTo(t *testing.T) {
	s := parse(t, `
		# a comment
		5s  server 1 off 300ms for 20s
		10s server all silent for 10s   # another
		30s server 2 claims 20ms
		30s server 2 kiss DENY
		40s server 5 drifts -500
		50s server all honest
	`)
	same := func(at time.Duration, changed ...int) []ntptest.Behavior {
		t.Helper()
		now := s.at(at)
		for i := range now {
			isChanged := now[i].Offset != behaviors[i].Offset || now[i].Silent || now[i].Kiss != "" || now[i].Drift != 0
			require.Equal(t, contains(changed, i), isChanged, "server %d at %v", i+1, at)
		}
		return now
	}
	same(0)
	same(5*time.Second - 1)
	require.Equal(t, behaviors[0].Offset+300*time.Millisecond, same(5*time.Second, 0)[0].Offset)
	require.True(t, same(10*time.Second, 0, 1, 2, 3, 4)[4].Silent)
	require.False(t, same(20*time.Second, 0)[0].Silent, "it is still off")
	same(25 * time.Second)
	now := same(30*time.Second, 1)
	require.Equal(t, 20*time.Millisecond, now[1].Dispersion)
	require.Equal(t, "DENY", now[1].Kiss)
	require.EqualValues(t, -500, same(40*time.Second, 1, 4)[4].Drift)
	same(50 * time.Second)
}

func contains(all []int, one int) bool {
	for _, i := range all {
		if i == one {
			return true
		}
	}
	return false
}

// Servers that answered between the end of the epoch and the next would let the clock answer again.
func TestARefusalIsADisruptionAndSilence(t *testing.T) {
	s := parse(t, "10s disrupt\n30s refuse for 5s")
	require.True(t, s.Disrupts())
	require.False(t, parse(t, "1s server 1 silent").Disrupts())
	require.Equal(t, []change{{10 * time.Second, "disrupt", true}, {30 * time.Second, "refuse for 5s", true}, {35 * time.Second, "the end of refuse for 5s", false}}, s.changes())
	for at, silent := range map[time.Duration]bool{10 * time.Second: false, 30 * time.Second: true, 35 * time.Second: false} {
		for _, b := range s.at(at) {
			require.Equal(t, silent, b.Silent)
		}
	}
}

func TestABadLineIsOneErrorThatSaysWhere(t *testing.T) {
	for line, want := range map[string]string{
		"soon disrupt":                 `script:2: "soon": a line begins with the time since the start, such as 10s`,
		"-1s disrupt":                  `script:2: "-1s": a line begins with the time since the start, such as 10s`,
		"5s":                           `script:2: "" is no fault: there are disrupt, refuse, and server N or server all with ` + changes,
		"5s explode":                   `script:2: "explode" is no fault: there are disrupt, refuse, and server N or server all with ` + changes,
		"5s disrupt for 3s":            `script:2: disrupt lasts for no time: leave out the for`,
		"5s refuse for ever":           `script:2: "ever": after for is how long it lasts, such as 10s`,
		"5s refuse for 2562047h47m16s": `script:2: 2562047h47m16s after 5s is beyond the end of time`,
		"5s server 6 silent":           `script:2: server "6": there are 1 to 5, and all`,
		"5s server 0 silent":           `script:2: server "0": there are 1 to 5, and all`,
		"5s server silent all":         `script:2: server "silent": there are 1 to 5, and all`,
		"5s server 1 sings":            `script:2: "sings" is nothing that a server does: there are ` + changes,
		"5s server 1 off":              `script:2: "off" is nothing that a server does: there are ` + changes,
		"5s server 1 off 3":            `script:2: off "3": it is a duration such as 300ms or -2s, of a day at most`,
		"5s server 1 off 25h":          `script:2: off "25h": it is a duration such as 300ms or -2s, of a day at most`,
		"5s server 1 claims -1s":       `script:2: claims "-1s": it is a duration such as 20ms, of an hour at most`,
		"5s server 1 drifts NaN":       `script:2: drifts "NaN": it is a number of ppm, ±1000000 at most`,
		"5s server 1 kiss goodbye":     `script:2: kiss "goodbye": it is four capital letters such as DENY or RATE`,
		"5s server 1 honest for 1s":    `script:2: honest is until the next fault: leave out the for`,
		"5s server 1 honest again":     `script:2: "honest again" is nothing that a server does: there are ` + changes,
	} {
		_, err := ParseScript("script", "1s disrupt\n"+line)
		require.EqualError(t, err, want, line)
	}
	_, err := ParseScript("script", "x\ny\n1s disrupt")
	require.ErrorContains(t, err, "script:1: ")
	require.ErrorContains(t, err, "script:2: ")
}

func TestAScriptIsPlayedWhenItSays(t *testing.T) {
	servers, err := Start()
	require.NoError(t, err)
	defer servers.Close()
	hypervisor, err := NewHypervisor()
	require.NoError(t, err)
	defer hypervisor.Close()
	device, err := vmclock.Open(hypervisor.Path())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	before := device.Marker()
	script := parse(t, "2s server 1 silent for 3s\n1s disrupt")
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		type told struct {
			what string
			when time.Duration
		}
		var all []told
		servers.Play(t.Context(), script, hypervisor, func(what string) { all = append(all, told{what, time.Since(begun)}) })
		require.Equal(t, []told{
			{"disrupt", time.Second}, {"server 1 silent for 3s", 2 * time.Second}, {"the end of server 1 silent for 3s", 5 * time.Second},
		}, all)
	})
	require.Equal(t, before+1, device.Marker())
}

func FuzzParseScript(f *testing.F) {
	f.Add("5s server 1 off 300ms for 20s\n70s disrupt\n80s refuse for 10s # why\n")
	f.Add("1s server all kiss DENY\n2s server 3 drifts 1e3\n3s server 2 honest")
	f.Fuzz(func(t *testing.T, text string) {
		script, err := ParseScript("script", text)
		if err != nil {
			return
		}
		for _, c := range script.changes() {
			require.Len(t, script.at(c.at), len(behaviors))
		}
	})
}
