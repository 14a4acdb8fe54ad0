//go:build linux

package testbed

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// exchangesPerTest is how often a daemon is asked. One answer would do on an idle machine; of
// these, some are quick on a busy one too.
const exchangesPerTest = 200

// patience is far more than an exchange on loopback takes, so that no test depends on speed.
const patience = 2 * time.Minute

func TestHonestChronydServesRealtimeWithinItsClaim(t *testing.T) {
	started := time.Now()
	server := StartChronyd(t)
	t.Logf("ready after %v", time.Since(started))

	for range exchangesPerTest {
		e := mustAsk(t, server)
		claim := int64(e.claim())
		if e.receive < e.before-claim || e.transmit > e.after+claim || e.transmit < e.receive {
			t.Fatalf("the stamps are not in order: before %d, T2 %d, T3 %d, after %d, claim %d ns: %v",
				e.before, e.receive, e.transmit, e.after, claim, e)
		}
		if e.claim() > time.Microsecond {
			t.Fatalf("an honest chronyd on the host's own clock should be sure of it: %v", e)
		}
	}
	t.Logf("the last exchange: %v", mustAsk(t, server))
}

func TestLiarIsWrongByTheWantedOffsetAndSureOfItself(t *testing.T) {
	offsets := []time.Duration{
		3500 * time.Millisecond, -3500 * time.Millisecond,
		300 * time.Microsecond, -300 * time.Microsecond,
		smallestLie,
	}
	for _, offset := range offsets {
		t.Run(offset.String(), func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			liar := StartLyingChronyd(t, offset)
			t.Logf("ready after %v", time.Since(started))

			shown, proved := 0, 0
			var claimMax time.Duration
			for range exchangesPerTest {
				e := mustAsk(t, liar)
				for _, stamp := range []int64{e.receive, e.transmit} {
					if lower, upper := e.offsetOf(stamp); offset < lower-lieErrorMax || offset > upper+lieErrorMax {
						t.Fatalf("this answer cannot be wrong by %v: %v", offset, e)
					}
				}
				if isWrongBy(e, offset) == nil {
					shown++
				}
				if excludesTruth(e, e.receive) && excludesTruth(e, e.transmit) {
					proved++
				}
				claimMax = max(claimMax, e.claim())
			}
			t.Logf("of %d answers %d show the offset and %d prove the lie, largest claim %v, the last: %v",
				exchangesPerTest, shown, proved, claimMax, mustAsk(t, liar))
			if shown == 0 {
				t.Errorf("no answer shows that both stamps are wrong by %v", offset)
			}
			if proved == 0 {
				t.Errorf("no answer proves that both stamps are wrong by more than the claim of %v", claimMax)
			}
		})
	}
}

func TestFaketimedChronydIsWrongInBothStamps(t *testing.T) {
	server := StartFaketimedChronyd(t, 3500*time.Millisecond)
	for range exchangesPerTest {
		e := mustAsk(t, server)
		if !excludesTruth(e, e.receive) || !excludesTruth(e, e.transmit) {
			t.Fatalf("this answer is not a lie: %v", e)
		}
	}
	fake := runFake(t, func(tb testing.TB) { StartFaketimedChronyd(tb, 300*time.Microsecond) })
	if !strings.Contains(fake.fatal, "at least 2s") {
		t.Errorf("want a fatal failure that names the smallest offset, got %q", fake.fatal)
	}
}

// excludesTruth reports whether a stamp and the claim around it miss every moment of the exchange.
func excludesTruth(e exchange, stamp int64) bool {
	claim := int64(e.claim())
	return stamp-claim > e.after || stamp+claim < e.before
}

func TestOneFalseStampIsNotTheWantedLie(t *testing.T) {
	const offset = 300 * time.Microsecond
	at := func(d time.Duration) int64 { return int64(d) }
	honest := exchange{after: at(50 * time.Microsecond), receive: at(20 * time.Microsecond), transmit: at(30 * time.Microsecond)}
	underFaketime, wanted := honest, honest
	underFaketime.transmit += at(offset)
	wanted.receive += at(offset)
	wanted.transmit += at(offset)

	if err := isWrongBy(wanted, offset); err != nil {
		t.Error(err)
	}
	for _, e := range []exchange{honest, underFaketime} {
		if isWrongBy(e, offset) == nil {
			t.Errorf("taken for a liar wrong by %v in both stamps: %v", offset, e)
		}
	}
}

func TestLiesTooSmallToShowAreRefused(t *testing.T) {
	fake := runFake(t, func(tb testing.TB) { StartLyingChronyd(tb, -smallestLie/2) })
	if !strings.Contains(fake.fatal, "at least 200µs") {
		t.Errorf("want a fatal failure that names the smallest offset, got %q", fake.fatal)
	}
}

// Nobody else is given the daemon's port, and be it away. A socket that asks for a port of its own
// may be given any that is free.
func TestAPortIsKeptForItsDaemon(t *testing.T) {
	taken := func(network, address string) {
		t.Helper()
		err := func() error {
			if network == "tcp4" {
				l, err := net.Listen(network, address)
				if err == nil {
					l.Close()
				}
				return err
			}
			c, err := net.ListenPacket(network, address)
			if err == nil {
				c.Close()
			}
			return err
		}()
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s %s should be kept, got %v", network, address, err)
		}
	}
	authority := NewAuthority(t)
	server := StartNTSChronyd(t, authority.Issue("127.0.0.1", time.Now().Add(time.Hour)))
	for range 3 {
		taken("udp4", server.Address())
		taken("tcp4", server.KeyExchange())
		server.Stop()
		taken("udp4", server.Address())
		taken("tcp4", server.KeyExchange())
		if _, err := net.Dial("tcp4", server.KeyExchange()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("at the port of a stopped daemon: want a refusal, got %v", err)
		}
		if _, err := ask(server.Address(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("at the port of a stopped daemon: want a refusal, got %v", err)
		}
		server.Restart()
		for range 100 { // none of them reaches the socket that keeps the port
			mustAsk(t, server.Chronyd)
		}
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	server := StartChronyd(t)
	pid := server.process.pid()
	server.Stop()
	requireGone(t, pid)
	if e, err := ask(server.Address(), patience); err == nil {
		t.Errorf("a stopped daemon answered: %v", e)
	}
	server.Stop()
}

func TestRestartAnswersAtTheSameAddress(t *testing.T) {
	server := StartChronyd(t)
	liar := StartLyingChronyd(t, 300*time.Microsecond)
	for _, c := range []*Chronyd{server, liar} {
		address, pid := c.Address(), c.process.pid()
		c.Stop()
		c.Restart()
		requireGone(t, pid)
		if c.Address() != address {
			t.Errorf("the address was %s and is %s", address, c.Address())
		}
		mustAsk(t, c)

		pid = c.process.pid()
		c.Restart() // of a running daemon
		requireGone(t, pid)
		mustAsk(t, c)
	}
}

func TestNothingRemainsAfterATest(t *testing.T) {
	t.Run("daemons", func(t *testing.T) {
		StartChronyd(t)
		StartLyingChronyd(t, 3500*time.Millisecond)
		goleak.VerifyNone(t) // while they run
	})
	goleak.VerifyNone(t)
	// Also the honest upstream of the liar is our own child, so this covers all three.
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("there should be no child process, wait4(2) returns %d, %v", pid, err)
	}
}

func TestStartReportsTheDaemonsOwnWords(t *testing.T) {
	RequireBinary(t, "chronyd")
	fake := runFake(t, func(tb testing.TB) { launch(tb, []string{"no such directive"}, nil, exchange.usable) })
	for _, want := range []string{errDied.Error(), "no such directive", "Fatal error"} {
		if !strings.Contains(fake.fatal, want) {
			t.Errorf("want a fatal failure with %q, got %q", want, fake.fatal)
		}
	}
}

func TestStopReportsADaemonThatDiedBefore(t *testing.T) {
	RequireBinary(t, "chronyd")
	fake := runFake(t, func(tb testing.TB) {
		server := StartChronyd(tb)
		if err := server.process.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		for deadline := time.Now().Add(stopLimit); !server.process.exited() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		server.Stop()
	})
	if !strings.Contains(fake.failure, "died before it was stopped") {
		t.Errorf("want a failure, got %q", fake.failure)
	}
}

func TestAProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	run, err := startProcess(filepath.Join(t.TempDir(), "output"), nil, "/bin/sh", "-c", "trap '' TERM; echo deaf; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(stopLimit); !strings.Contains(run.output(), "\ndeaf") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	run.stop(50 * time.Millisecond)
	requireGone(t, run.pid())
	if status := run.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended by %v, not by SIGKILL", status)
	}
}

func TestMissingBinarySkipsOrFails(t *testing.T) {
	need := func(tb testing.TB) { RequireBinary(tb, "sh", "ptp4l-of-nobody") }

	t.Setenv(requireDaemonsVariable, "")
	if fake := runFake(t, need); !strings.Contains(fake.skip, "ptp4l-of-nobody is not installed") || fake.fatal != "" {
		t.Errorf("want a skip that names the binary, got skip %q, fatal %q", fake.skip, fake.fatal)
	}
	t.Setenv(requireDaemonsVariable, "1")
	if fake := runFake(t, need); !strings.Contains(fake.fatal, "ptp4l-of-nobody is not installed") || fake.skip != "" {
		t.Errorf("want a failure that names the binary, got skip %q, fatal %q", fake.skip, fake.fatal)
	}
	if fake := runFake(t, func(tb testing.TB) { RequireBinary(tb, "sh") }); fake.fatal+fake.skip != "" {
		t.Errorf("sh is installed, got skip %q, fatal %q", fake.skip, fake.fatal)
	}
}

func mustAsk(t *testing.T, c *Chronyd) exchange {
	t.Helper()
	e, err := ask(c.Address(), patience)
	if err == nil {
		err = e.usable()
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, c.process.output())
	}
	return e
}

func requireGone(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d should be gone, kill(2) says %v", pid, err)
		}
	}
}
