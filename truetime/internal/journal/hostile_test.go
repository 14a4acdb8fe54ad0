package journal

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// hostile is what somebody might write in the place of a number, a truth value or a text.
var hostile = []string{"0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "1e300", "-1e300", "+Inf", "-Inf", "true", `"a"`}

var (
	field = regexp.MustCompile(` [a-z-]+=("[^"]*"|\S+)`)
	value = regexp.MustCompile(`"[^"]*"|[^=, ]+`)
)

// hostileStates returns a state again and again, each time with another value in one place, by what is changed.
func hostileStates(state string) map[string]string {
	all := map[string]string{}
	for _, at := range field.FindAllStringIndex(state, -1) {
		begin := at[0] + strings.IndexByte(state[at[0]:], '=') + 1
		for _, v := range value.FindAllStringIndex(state[begin:at[1]], 4) { // the first of a long list
			from, to := begin+v[0], begin+v[1]
			line := strings.LastIndexByte(state[:from], '\n') + 1
			others := hostile
			if n, err := strconv.ParseInt(state[from:to], 10, 64); err == nil { // soon, and a while ago
				others = append(others[:len(others):len(others)], fmt.Sprint(n+3e9), fmt.Sprint(n-3e9))
			}
			for _, h := range others {
				all[fmt.Sprintf("%s ← %s", state[line:to], h)] = state[:from] + h + state[to:]
			}
		}
	}
	return all
}

// A state is refused, or an engine goes on from it.
func TestNoFieldOfAStateEndsAReplay(t *testing.T) {
	c := someConfig(5)
	c.Discipline.Voter, c.Discipline.Faulty = []int{0, 0, 0, 1, discipline.NoVote}, 0
	c.Discipline.Stability = discipline.Stability{Wander: 1e-8, Deviation: 1e-5}
	c.Target = time.Millisecond
	_, e := someEngine(c)
	states := hostileStates(string(snapshot.WriteFull(e.Fields)))
	rest := string(somePolls(c, e, e.LookBy()))
	t.Logf("%d states", len(states))
	for _, what := range race.Every(slices.Sorted(maps.Keys(states)), 8) {
		if reason := failure(func(t attempt) { playAll(t, c, states[what]+rest) }); reason != "" {
			t.Errorf("%s: %s", what, reason)
		}
	}
}

// failure returns why f panics or fails, and nothing if it does neither.
func failure(f func(attempt)) (reason string) {
	defer func() {
		if r := recover(); r != nil {
			reason = fmt.Sprint(r)
		}
	}()
	f(attempt{})
	return ""
}

// attempt is a test whose failure is a panic.
type attempt struct{}

func (attempt) Errorf(format string, values ...any) { panic(fmt.Sprintf(format, values...)) }
func (attempt) FailNow()                            {}
