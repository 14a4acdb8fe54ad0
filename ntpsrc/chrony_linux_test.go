package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// A chronyd under -x follows a server that is off by a known amount and leaves the system clock
// alone: the truth is then the system clock and that amount, and has to be in every sample. Were
// the correction applied with the wrong sign, samples would miss it by twice the amount.
func TestChronySampleContainsTheTimeOfItsUpstream(t *testing.T) {
	for _, offset := range []time.Duration{50 * time.Millisecond, -50 * time.Millisecond, 0, 2 * time.Second} {
		t.Run(offset.String(), func(t *testing.T) {
			t.Parallel()
			upstream := startServer(t, ntptest.Behavior{Offset: offset, Dispersion: scheduling})
			follower := testbed.StartFollower(t, upstream.Address(), -4)
			counter := system(t)
			for _, address := range []string{follower.CommandAddress(), follower.CommandSocket()} {
				source := Chrony(address)
				require.NoError(t, source.Info().Err)
				settle(t, source)
				narrowest, refused := time.Hour, 0
				deadline := time.Now().Add(settling)
				for accepted := 0; accepted < 500; accepted++ {
					before := truetime.Time(testbed.Realtime()).Add(offset)
					s, err := source.Sample(assuming(t.Context(), 200), counter)
					after := truetime.Time(testbed.Realtime()).Add(offset)
					late := errors.Is(err, truetime.ErrUnusable) || errors.Is(err, context.DeadlineExceeded)
					if late && time.Now().Before(deadline) {
						refused++ // on a busy machine an exchange may take longer than is of use
						accepted--
						continue
					}
					require.NoError(t, err)
					require.GreaterOrEqual(t, s.Latest, before, "true time at Sent is at most Latest: %+v", s)
					require.LessOrEqual(t, s.Earliest, after, "true time at Received is at least Earliest: %+v", s)
					require.Equal(t, 2, s.Stratum)
					narrowest = min(narrowest, s.Claim)
				}
				require.Less(t, narrowest, 20*time.Millisecond, "narrow enough to tell one sign from the other")
				t.Logf("%s: smallest E %v, %d samples refused", address, narrowest, refused)
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(follower.CommandSocket()), "chronyc.*"))
			require.NoError(t, err)
			require.Empty(t, left, "sockets of ours")
		})
	}
}

// scheduling is what the upstream claims as its error. It takes its stamps in user space, where a
// busy machine makes them late by milliseconds, and chronyd makes one estimate of several exchanges
// that were not all alike.
const scheduling = 5 * time.Millisecond

// settling is how long chronyd may take to get over the offset that it met at first, on a busy machine.
const settling = 2 * time.Minute

// settle waits until chronyd has done so.
func settle(t *testing.T, source truetime.Source) {
	t.Helper()
	for deadline := time.Now().Add(settling); ; time.Sleep(20 * time.Millisecond) {
		s, err := source.Sample(assuming(t.Context(), 200), system(t))
		if err == nil && s.Claim < 20*time.Millisecond {
			return
		}
		require.True(t, time.Now().Before(deadline), "%+v, %v", s, err)
	}
}

func TestChronyInAClock(t *testing.T) {
	t.Parallel()
	const offset = -50 * time.Millisecond
	upstream := startServer(t, ntptest.Behavior{Offset: offset, Dispersion: scheduling})
	follower := testbed.StartFollower(t, upstream.Address(), -4)
	clock, err := truetime.New([]truetime.Source{Chrony(follower.CommandSocket())}, truetime.WithPoll(20*time.Millisecond, 50*time.Millisecond))
	require.NoError(t, err)
	defer clock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), settling)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, 20*time.Millisecond), "%+v", clock.Status())
	deadline := time.Now().Add(settling)
	for n := 0; n < 1000 || clock.Status().Sources[0].Verdict != truetime.Truechimer; n++ {
		require.True(t, time.Now().Before(deadline), "%+v", clock.Status())
		before := truetime.Time(testbed.Realtime()).Add(offset)
		i, err := clock.Now()
		after := truetime.Time(testbed.Realtime()).Add(offset)
		require.NoError(t, err)
		require.True(t, i.Earliest <= after && i.Latest >= before, "%v: %+v", i, clock.Status())
		time.Sleep(500 * time.Microsecond)
	}
}

func TestChronydThatFollowsNobodyIsNotUsed(t *testing.T) {
	alone := testbed.StartFollower(t, "127.0.0.1:9", -4, "local stratum 3")
	_, err := Chrony(alone.CommandAddress()).Sample(t.Context(), system(t))
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "the server follows nobody and serves its own clock: its reference is 127.127.1.1 (a local clock); ntpsrc.WithLocalReference allows it")

	before := testbed.Realtime()
	sample, err := Chrony(alone.CommandAddress(), WithLocalReference()).Sample(t.Context(), system(t))
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.Latest, truetime.Time(before))
	require.LessOrEqual(t, sample.Earliest, truetime.Time(testbed.Realtime()))
}

// What goes wrong at the socket is said in one sentence, and at once.
func TestChronyThatCannotBeAskedSaysWhy(t *testing.T) {
	directory := t.TempDir()
	ask := func(address string) error {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := Chrony(address).Sample(ctx, system(t))
		require.Error(t, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "at once")
		require.NotContains(t, err.Error(), "\n")
		return err
	}

	absent := filepath.Join(directory, "chronyd.sock")
	require.ErrorContains(t, ask(absent), "there is no socket "+absent+": chronyd does not run, or has another bindcmdaddress")
	require.ErrorContains(t, ask(filepath.Join(directory, "no", "chronyd.sock")), "there is no socket")

	left := filepath.Join(directory, "left.sock") // by a chronyd that was killed
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: left}))
	require.NoError(t, syscall.Close(fd))
	require.ErrorContains(t, ask(left), "no chronyd listens at "+left)

	nobody := startServer(t, ntptest.Behavior{})
	require.NoError(t, nobody.Close())
	require.ErrorContains(t, ask(nobody.Address()), "no chronyd listens at "+nobody.Address())

	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, entries, 1, "sockets of ours are left: %v", entries)
}

// chronyd is another user, and answers to the path that the question came from.
func TestChronydMayAnswerToOurSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chronyd.sock")
	chronyd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer chronyd.Close()
	conn, err := dialChrony(chronyAddress{path: path})
	require.NoError(t, err)
	_, err = conn.Write([]byte("question"))
	require.NoError(t, err)
	_, from, err := chronyd.ReadFromUnix(make([]byte, 100))
	require.NoError(t, err)
	info, err := os.Stat(from.Name)
	require.NoError(t, err)
	require.EqualValues(t, 0o666, info.Mode().Perm())
	require.NoError(t, conn.Close())
	require.NoFileExists(t, from.Name)
}

func TestChronySocketWithoutPermissionSaysSo(t *testing.T) {
	t.Parallel()
	const child = "EPSILON_TEST_CHRONY_SOCKET"
	if path := os.Getenv(child); path != "" {
		_, err := Chrony(path).Sample(t.Context(), system(t))
		fmt.Println("said:", err)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	// As the Debian package makes it: a directory for chronyd's user and group only.
	directory, err := os.MkdirTemp("", "chronyd-")
	require.NoError(t, err)
	defer os.RemoveAll(directory)
	require.NoError(t, os.Chmod(directory, 0o750))
	path := filepath.Join(directory, "chronyd.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer conn.Close()

	// The binary of this test lies where only root may go.
	program, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	public, err := os.MkdirTemp("", "public-")
	require.NoError(t, err)
	defer os.RemoveAll(public)
	require.NoError(t, os.Chmod(public, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(public, "test"), program, 0o755))
	cmd := exec.Command(filepath.Join(public, "test"), "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = public, append(os.Environ(), child+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "said: no permission to use chronyd's socket "+path+": run as root or in chronyd's group, or use 127.0.0.1")
}

func TestSilentChronydEndsWithTheContext(t *testing.T) {
	silent := startServer(t, ntptest.Behavior{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Chrony(silent.Address()).Sample(ctx, system(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no answer from chronyd at "+silent.Address())
	require.Less(t, strings.Count(err.Error(), ":"), 6)
}

func BenchmarkChronyOverItsSocket(b *testing.B) {
	upstream, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
	if err != nil {
		b.Fatal(err)
	}
	defer upstream.Close()
	follower := testbed.StartFollower(b, upstream.Address(), -4)
	counter, err := monotonic.System()
	if err != nil {
		b.Fatal(err)
	}
	for name, address := range map[string]string{"unix": follower.CommandSocket(), "udp": follower.CommandAddress()} {
		b.Run(name, func(b *testing.B) {
			source := Chrony(address)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := source.Sample(b.Context(), counter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
