//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// TestMain makes this test binary what the command makes of itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == networkArgument || os.Args[1] == loadArgument) {
		if err := beside(context.Background(), os.Args[1:], os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// All kinds of phases, for as long as it takes to read each clock a few times.
func TestEveryIntervalOnEveryKindOfBedContainsTheHostsClock(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	far := on(distant, ", 1000 km")
	far.kilometres = distance
	own := on(shortest, ", our server")
	own.poll, own.ours = time.Second/4, true
	for _, p := range []*phase{
		{what: "quiet", beds: []*bed{on(wide, ""), far}, variants: []variant{plain, still}},
		{what: "ours", beds: []*bed{own.with(finer, finerStill), assuming(lessDrift, shortest)}, variants: []variant{plain, still}, awake: true},
		{what: "busy", beds: []*bed{on(flat, "")}, variants: experiments()[1].variants, busy: true},
	} {
		t.Run(p.what, func(t *testing.T) {
			p.span = 5 * pause
			require.NoError(t, p.run(t.Context()))
			require.Zero(t, p.network.Dropped)
			for i, b := range p.beds {
				require.NotZero(t, b.bounds.count(), b.name)
				require.Contains(t, p.network.Late, i, b.name)
				for _, k := range b.clocks {
					require.Equal(t, b.bounds.count(), k.reads, b.name)
					require.Zero(t, k.wrong, "%s, %s", b.name, k.name)
					// The terms are of the Status of the same moment, and add up to its ε.
					require.Equal(t, k.epsilon, k.terms.Uncertainty(), "%s, %s: %+v", b.name, k.name, k.terms)
				}
			}
			var text strings.Builder
			tables := usualTables([]*phase{p})
			if p.busy {
				tables = append(tables, experimentTables([]*phase{p})...)
			}
			for _, table := range tables {
				require.NoError(t, table.write(&text, false))
			}
			require.Contains(t, text.String(), p.beds[0].name)
			require.Contains(t, text.String(), "chronyd (chrony) version ")
			require.Empty(t, wrongs([]*phase{p}))
		})
	}
}

func TestWhatIsMissingIsToldAndEverythingStops(t *testing.T) {
	err := run(t.Context(), func(c *command) {
		c.Cleanup(func() { c.Errorf("stopped") })
		c.Fatalf("there are no servers")
	})
	require.EqualError(t, err, "there are no servers\nstopped")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, run(ctx, func(c *command) { c.sleep(time.Hour) }), "interrupted")
}

func TestMistakesInTheArguments(t *testing.T) {
	for _, arguments := range [][]string{{"x"}, {"-hurry", "0"}, {"-nonsense"}} {
		require.Error(t, beside(t.Context(), arguments, io.Discard), "%v", arguments)
	}
}

// startTestNetwork starts one with a link of that path to a server, and returns where a client sees it.
func startTestNetwork(t *testing.T, server string, p path) (n *network, address string) {
	done := make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- run(context.Background(), func(c *command) {
			var addresses []string
			n, addresses = startNetwork(c, networkPlan{Seed: 1, Links: []linkPlan{{Listen: "127.0.0.1:0", Server: server, Path: p}}})
			address = addresses[0]
			done <- struct{}{}
			<-done
		})
	}()
	<-done
	t.Cleanup(func() {
		close(done)
		require.NoError(t, <-ended)
	})
	return n, address
}

// echo is a server whose replies have the request's transmit stamp as their origin, and no other stamp.
func echo(t *testing.T) string {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		b := make([]byte, 100)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			stranger := make([]byte, ntpHeader) // the answer to nobody's request
			stranger[24] = 1
			_, _ = conn.WriteTo(stranger, from)
			copy(b[24:32], b[40:48])
			clear(b[40:48])
			_, _ = conn.WriteTo(b[:n], from)
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		<-gone
	})
	return conn.LocalAddr().String()
}

func TestNetworkGivesEachClientItsAnswerAndNoSoonerThanItsPathAllows(t *testing.T) {
	way := path{3 * time.Millisecond, 4 * time.Millisecond}
	n, address := startTestNetwork(t, echo(t), way)
	var clients []net.Conn
	for range 3 {
		conn, err := net.Dial("udp4", address)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(2*time.Minute)))
		clients = append(clients, conn)
	}
	const rounds = 5
	for round := range rounds {
		sent := time.Now()
		for i, conn := range clients {
			request := make([]byte, ntpHeader)
			binary.BigEndian.PutUint64(request[40:], uint64(100*round+i))
			_, err := conn.Write(request)
			require.NoError(t, err)
		}
		for i, conn := range clients {
			reply := make([]byte, 100)
			n, err := conn.Read(reply)
			require.NoError(t, err)
			// What a datagram takes from program to kernel, four times, is taken off.
			require.GreaterOrEqual(t, time.Since(sent), 2*way.Least-4*crossingMax)
			require.Equal(t, ntpHeader, n)
			require.EqualValues(t, 100*round+i, binary.BigEndian.Uint64(reply[24:]), "it is the answer to this client's request")
		}
	}
	_, err := clients[0].Write([]byte("no NTP"))
	require.NoError(t, err)
	// It goes the same way as the request before it, and was there before this one.
	request := make([]byte, ntpHeader)
	request[40] = 9
	_, err = clients[0].Write(request)
	require.NoError(t, err)
	_, err = clients[0].Read(make([]byte, 100))
	require.NoError(t, err)
	n.stop()
	require.Equal(t, 3*rounds+1+1, n.report.Dropped, "the answers to nobody, and what is no NTP")
	require.Positive(t, n.report.Late[0].Max, "nothing leaves before it is due")
}

func TestReplyCountsFromItsServersStamp(t *testing.T) {
	const second, from1900 = int64(time.Second), 2_208_988_800
	arrived := 1_800_000_000*second + second/2
	stamp := func(at int64) uint64 {
		return uint64(at/second+from1900)<<32 | uint64(at%second)<<32/uint64(second)
	}
	from, crossings := departed(arrived, stamp(arrived-1000))
	require.InDelta(t, 1000, arrived-from, 1, "a stamp is rounded down")
	require.Equal(t, 1, crossings, "it was stamped before it crossed to here")
	for why, transmit := range map[string]uint64{
		"too long ago": stamp(arrived - int64(2*serverMax)), "from the future": stamp(arrived + 1000), "none": 0,
	} {
		from, crossings := departed(arrived, transmit)
		require.Equal(t, arrived, from, why)
		require.Equal(t, 2, crossings, why)
	}
}

// A load ends with its standard input.
func TestLoadEnds(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	load := exec.Command(self, loadArgument)
	require.NoError(t, load.Run(), "its input is at its end at once")
}

// A wrong answer is counted and ends the program with an error, after its tables.
func TestWrongAnswersAreCountedAndToldAtTheEnd(t *testing.T) {
	interval := truetime.Interval{Earliest: 1000, Latest: 2000}
	require.False(t, apart(interval, 900, 1000), "it may have been 1000")
	require.False(t, apart(interval, 2000, 2100))
	require.True(t, apart(interval, 900, 999))
	require.True(t, apart(interval, 2001, 2100))

	b := on(flat, "")
	k := &clockInBed{variant: plain, reads: 5, wrong: 2}
	b.clocks = []*clockInBed{{variant: still, reads: 5}, k}
	p := &phase{what: "a phase", beds: []*bed{b}}
	require.EqualError(t, errors.Join(wrongs([]*phase{p})...), "A1 to A3 on the bed 1 ms: 2 of 5 answers did not contain the host's clock")
	var text strings.Builder
	require.NoError(t, widths([]*phase{p}).write(&text, false))
	require.Regexp(t, `A1 to A3 .* 5 +2\n`, text.String())
}

func TestRowOfABedThatWasNotAsNamedIsMarked(t *testing.T) {
	p := &phase{beds: []*bed{on(shortest, ""), on(shortest, "")}}
	p.network.Late = map[int]lateness{0: {P99: 5 * time.Microsecond}, 1: {P99: 6 * time.Microsecond}}
	require.Equal(t, "0.1 ms", p.row(0))
	require.Equal(t, "0.1 ms †", p.row(1))
}
