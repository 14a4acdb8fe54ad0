package truetimetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/internal/demo"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// The programs of docs/testing.md, to the letter.

func TestOrderOnSkewedNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := truetimetest.NewWorldInBubble(t, 42)
		var servers []truetimetest.Link
		for i, offset := range []time.Duration{-time.Millisecond, time.Millisecond, time.Millisecond} {
			server := world.NewServer(fmt.Sprint("ntp", i), truetimetest.Steady(offset, time.Millisecond)) // off by all that it claims
			servers = append(servers, truetimetest.Link{Server: server, Path: truetimetest.DataCenter()})
		}
		fast := world.NewMachine("fast", truetimetest.MachineConfig{Oscillator: truetimetest.Constant(200), Sources: servers})
		slow := world.NewMachine("slow", truetimetest.MachineConfig{Oscillator: truetimetest.Constant(-200), Sources: servers})
		time.Sleep(time.Minute) // takes no time

		committed, err := commitwait.Do(t.Context(), fast, func(context.Context, truetime.Time) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		next, err := slow.Now() // a transaction that begins after the commit, elsewhere
		if err != nil || next.Latest <= committed {
			t.Fatalf("a later transaction gets %v, and not more than %v: %v", next.Latest, committed, err)
		}
		if truth := truetime.FromStd(time.Now()); !next.Contains(truth) {
			t.Fatalf("true time %v is not in %v", truth, next)
		}
	})
}

func TestLeaseMovesWhenItsHolderIsSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := truetimetest.NewWorldInBubble(t, 42)
		server := world.NewServer("ntp", truetimetest.Honest(time.Millisecond))
		config := truetimetest.MachineConfig{Sources: []truetimetest.Link{{Server: server, Path: truetimetest.LAN()}}}
		a, b := world.NewMachine("a", config), world.NewMachine("b", config)
		time.Sleep(time.Minute)

		var store lease.MemoryStore
		acquire := func(m *truetimetest.Machine) *lease.Lease {
			candidate, err := lease.NewCandidate(m, &store, "leader", 10*time.Second, lease.WithHolder(m.Name()))
			if err != nil {
				t.Fatal(err)
			}
			held, err := candidate.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
		first := acquire(a)
		defer first.Close()
		a.Suspend(time.Minute) // its clock answers nobody meanwhile
		second := acquire(b)   // waits until the lease has certainly expired
		defer second.Close()
		if err := first.Check(); err == nil {
			t.Error("two hold the lease")
		}
		time.Sleep(2 * time.Minute) // a is awake again
		if err := first.Check(); err == nil {
			t.Error("a has come back and thinks that it holds the lease")
		}
		if second.Token() <= first.Token() {
			t.Error("the fence would let a write")
		}
	})
}

func TestIncidentIsReplayed(t *testing.T) {
	var incident bytes.Buffer // as a file from production
	synctest.Test(t, func(t *testing.T) {
		recorder := truetime.NewFlightRecorder(10 * time.Minute)
		a, b, c := truetimetest.NewSource("a", 0, time.Millisecond), truetimetest.NewSource("b", 0, time.Millisecond), truetimetest.NewSource("c", 0, time.Millisecond)
		options := append(truetimetest.BubbleOptions(35), truetime.WithFlightRecorder(recorder))
		clock, err := truetime.New([]truetime.Source{a, b, c}, options...)
		if err != nil {
			t.Fatal(err)
		}
		defer clock.Close()
		time.Sleep(time.Minute)
		a.Set(time.Second, time.Millisecond) // two of three step together: more than may be wrong
		b.Set(time.Second, time.Millisecond)
		time.Sleep(time.Minute)
		if _, err := recorder.WriteTo(&incident); err != nil {
			t.Fatal(err)
		}
	})

	epochs := uint64(0)
	err := truetimetest.Replay(&incident, func(step truetimetest.ReplayStep) error {
		if step.Epoch > epochs {
			t.Logf("line %d: epoch %d begins, the clock is %v: %s", step.Line, step.Epoch, step.State, step.Text)
			epochs = step.Epoch
		}
		return nil
	})
	if err != nil || epochs < 2 {
		t.Fatalf("%d epochs: %v", epochs, err)
	}
}

func TestLiarIsOutvotedOverSockets(t *testing.T) {
	var servers []*ntptest.Server
	var addresses []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{Dispersion: time.Millisecond})
		defer s.Close()
		servers, addresses = append(servers, s), append(addresses, s.Address())
	}
	servers[2].Change(func(b *ntptest.Behavior) { b.Offset = time.Hour })

	clock, err := truetime.New(ntpsrc.Servers(addresses...), truetime.WithPoll(time.Second, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(t.Context(), 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	servers[0].Change(func(b *ntptest.Behavior) { b.Silent = true }) // one lies and one is dead: the interval widens
	if _, err := clock.Now(); errors.Is(err, truetime.ErrNotSynchronized) {
		t.Fatal(err)
	}
}

func TestTheGuideShowsPrograms(t *testing.T) {
	page, err := os.ReadFile("../../docs/testing.md")
	require.NoError(t, err)
	source, err := os.ReadFile("guide_test.go")
	require.NoError(t, err)
	shown := 0
	for _, block := range fences(string(page), "go") {
		require.Contains(t, string(source), "\n"+block, "nothing compiles it")
		require.True(t, strings.HasPrefix(block, "func Test"), "nothing runs it: %s", block)
		shown++
	}
	require.Equal(t, strings.Count(string(source), "\nfunc Test")-1, shown, "each program but this test is in the guide")
	scripts := fences(string(page), "text")
	require.Len(t, scripts, 1)
	_, err = demo.ParseScript("docs/testing.md", scripts[0])
	require.NoError(t, err)
}

// fences returns the blocks of a language.
func fences(page, language string) (blocks []string) {
	for {
		_, rest, found := strings.Cut(page, "\n```"+language+"\n")
		if !found {
			return blocks
		}
		block, after, _ := strings.Cut(rest, "```\n")
		blocks, page = append(blocks, block), "\n"+after
	}
}
