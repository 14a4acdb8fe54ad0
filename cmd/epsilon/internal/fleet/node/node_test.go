package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
	"github.com/epsilontime/epsilon/internal/testing/ports"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wall is a clock that is right to 1 ms but for an offset; math.MinInt64 stands for one without an answer.
type wall struct{ offset atomic.Int64 }

var errNothing = errors.New("no answer")

const dumb = -1 << 62

func (w *wall) Now() (truetime.Interval, error) {
	off := w.offset.Load()
	if off == dumb {
		return truetime.Interval{}, errNothing
	}
	middle := truetime.FromStd(time.Now()).Add(time.Duration(off))
	return truetime.Interval{Earliest: middle.Add(-time.Millisecond), Latest: middle.Add(time.Millisecond)}, nil
}

func keyOf(t testing.TB, digit byte) wire.Key {
	k, err := wire.ParseKey(hex.EncodeToString([]byte(strings.Repeat(string(digit), 32))))
	require.NoError(t, err)
	return k
}

type member struct {
	*Node
	clock *wall
	stop  func()
}

// configs are those of n machines that have each other as peers.
func configs(t testing.TB, host string, n int) (all []Config) {
	var peers []string
	chosen := ports.UDP(t, host, n)
	for _, p := range chosen {
		peers = append(peers, p.String())
	}
	for i, p := range chosen {
		all = append(all, Config{Name: fmt.Sprintf("m%d", i), Listen: []netip.AddrPort{p}, Peers: peers, Key: keyOf(t, 'a'), Faulty: fleet.Minority,
			Interval: MinInterval, Patience: MinInterval})
	}
	return all
}

func start(t testing.TB, c Config) *member {
	m := &member{clock: &wall{}}
	c.Reader = m.clock
	var err error
	m.Node, err = New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { m.Run(ctx); close(ended) }()
	m.stop = func() { cancel(); <-ended }
	t.Cleanup(m.stop)
	return m
}

func fleetOf(t testing.TB, configs []Config) (all []*member) {
	for _, c := range configs {
		all = append(all, start(t, c))
	}
	return all
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 30*time.Second, 10*time.Millisecond, what)
}

func (m *member) problem(id string) string {
	for _, p := range m.View().Problems {
		if p.ID == id {
			return p.Text
		}
	}
	return ""
}

func TestTheMachineThatIsWrongIsConvictedByAll(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			c := configs(t, host, 4)
			all := fleetOf(t, c)
			bad := c[2].Listen[0].String()
			all[2].clock.offset.Store(int64(10 * time.Second))
			for i, m := range all {
				eventually(t, "everybody knows it", func() bool {
					v := m.View()
					return len(v.Convicted) == 1 && v.Convicted[0].Machine == bad
				})
				v := m.View()
				require.Equal(t, 4, v.Machines, "its own entry is recognised")
				require.Equal(t, 1, v.Faulty)
				if i != 2 {
					eventually(t, "it is named", func() bool { // its name is known once it has answered itself
						return strings.Contains(m.problem("convicted "+bad), bad+" (m2) is wrong: its clock contradicts those of ")
					})
					require.Contains(t, m.problem("convicted "+bad), "ahead of that of ")
				}
			}
			eventually(t, "the one that is wrong finds it itself", func() bool { return strings.HasPrefix(all[2].problem("alone"), "THIS MACHINE'S CLOCK IS WRONG") })
			require.NotZero(t, all[0].Counters().Answered)
			require.NotZero(t, all[0].Counters().Replied)
		})
	}
}

func TestARestartedMachineIsJudgedAnew(t *testing.T) {
	c := configs(t, "127.0.0.1", 4)
	all := fleetOf(t, c)
	all[2].clock.offset.Store(int64(-10 * time.Second))
	convicted := func() bool { return len(all[0].View().Convicted) == 1 }
	eventually(t, "it is convicted", convicted)
	all[2].stop()
	again := start(t, c[2]) // its clock is right now
	eventually(t, "it is forgotten", func() bool { return !convicted() })
	eventually(t, "by all", func() bool { return len(again.View().Contradictions) == 0 && len(all[3].View().Contradictions) == 0 })
	again.clock.offset.Store(int64(10 * time.Second))
	eventually(t, "it is convicted again", convicted)
}

func TestTroublesAreOneSentenceEach(t *testing.T) {
	c := configs(t, "127.0.0.1", 5)
	closed := ports.UDP(t, "127.0.0.1", 1)[0].String()
	twice := "localhost:" + fmt.Sprint(c[1].Listen[0].Port())
	peers := append(append([]string(nil), c[0].Peers...), closed, "no-such-host.invalid:4461", "[::1]:4461", twice)
	for i := range c {
		c[i].Peers = peers
	}
	c[2].Key = keyOf(t, 'b')
	c[3].Name = "m1"
	c[4].Faulty = 0
	all := fleetOf(t, c)
	for id, want := range map[string]string{
		"silent " + closed:                  closed + " does not answer: does its daemon run, is its UDP port open",
		"silent " + c[2].Listen[0].String(): "signed with another key: give all machines the same key_file",
		"silent no-such-host.invalid:4461":  "its name cannot be looked up",
		"silent [::1]:4461":                 "listens at no address of IPv6",
		"counts " + c[4].Listen[0].String(): "and this machine",
	} {
		eventually(t, id, func() bool { return strings.Contains(all[0].problem(id), want) })
		require.NotContains(t, all[0].problem(id), "\n")
	}
	eventually(t, "one of the two with one name", func() bool {
		return strings.Contains(all[0].problem("trouble "+c[1].Listen[0].String())+all[0].problem("trouble "+c[3].Listen[0].String()), "give each a name of its own")
	})
	eventually(t, "one machine at two entries", func() bool {
		return strings.Contains(all[0].problem("trouble "+twice)+all[0].problem("trouble "+c[1].Listen[0].String()), "name each machine once")
	})
	eventually(t, "the one with another key knows it", func() bool {
		return strings.Contains(all[2].problem("silent "+c[0].Listen[0].String()), "another key")
	})
	require.NotZero(t, all[0].Counters().Refused)
	require.NotZero(t, all[0].Counters().Lost)
}

func TestAClockWithoutAnAnswerIsNotCompared(t *testing.T) {
	all := fleetOf(t, configs(t, "127.0.0.1", 3))
	all[0].clock.offset.Store(dumb)
	eventually(t, "the others see it", func() bool {
		for _, p := range all[1].View().Peers {
			if p.Name == "m0" && p.NoAnswer {
				return p.Compared < 0 || !p.Contradicts
			}
		}
		return false
	})
}

// exchange sends a datagram, and returns what comes back within a while that is enough on an idle machine: a test of silence sends a request behind
// it, whose answer comes later.
func exchange(t testing.TB, to netip.AddrPort, datagrams ...[]byte) (replies [][]byte) {
	c, err := net.Dial("udp", to.String())
	require.NoError(t, err)
	defer c.Close()
	for _, d := range datagrams {
		_, err = c.Write(d)
		require.NoError(t, err)
	}
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	buffer := make([]byte, 2000)
	n, err := c.Read(buffer)
	require.NoError(t, err)
	return append(replies, append([]byte(nil), buffer[:n]...))
}

func TestWhatIsNotSignedIsNotAnswered(t *testing.T) {
	c := configs(t, "127.0.0.1", 1)[0]
	m := start(t, c)
	place := fleet.PlaceOf(c.Peers[0])
	eventually(t, "it knows where it is", func() bool { return m.View().Machines == 1 })
	seal := func(k wire.Key, m wire.Message) []byte {
		b, err := k.Seal(m)
		require.NoError(t, err)
		return b
	}
	good := wire.Message{Nonce: wire.Nonce{7}, Place: place, From: "x", Run: 1}
	other := good
	other.Nonce, other.To = wire.Nonce{8}, "m9"
	astray := good
	astray.Nonce, astray.Place = wire.Nonce{9}, 1
	back := wire.Message{IsReply: true, From: "x", To: "m0"}
	replies := exchange(t, m.Addr()[0], []byte("hello"), make([]byte, wire.Size), make([]byte, 2*wire.Size), seal(keyOf(t, 'b'), good), seal(keyOf(t, 'a'), other), seal(keyOf(t, 'a'), astray),
		seal(keyOf(t, 'a'), back), seal(keyOf(t, 'a'), good))
	reply, err := keyOf(t, 'a').Open(replies[0])
	require.NoError(t, err)
	require.Equal(t, wire.Nonce{7}, reply.Nonce, "the first to be answered is the last that was sent")
	require.Equal(t, "m0", reply.From)
	require.Equal(t, "x", reply.To)
	require.Len(t, replies[0], wire.Size)
	require.Equal(t, map[string]uint64{dropForeign: 3, dropKey: 1, dropMisdirected: 2, dropUnasked: 1}, m.Counters().Dropped)
	eventually(t, "it is counted", func() bool { return m.Counters().Replied == 1 })
}

// A reply that was captured is of no use for another request, and one of another machine neither.
func TestRepliesCannotBeReplayedOrTakenForThoseOfOthers(t *testing.T) {
	c := configs(t, "127.0.0.1", 1)[0]
	c.Reader = &wall{}
	n, err := New(c)
	require.NoError(t, err)
	defer n.Close()
	sealed := func(m wire.Message) []byte {
		b, err := c.Key.Seal(m)
		require.NoError(t, err)
		return b
	}
	from := netip.MustParseAddrPort("192.0.2.1:1")
	r, nonce, request, err := n.prepare("e")
	require.NoError(t, err)
	r.to = "b"
	n.expect(nonce, r)
	n.take(n.sockets[0], request, from) // reflected: it is a request still
	n.take(n.sockets[0], sealed(wire.Message{IsReply: true, Nonce: wire.Nonce{1}, From: "b", To: "m0"}), from)
	require.Empty(t, r.done)
	n.take(n.sockets[0], sealed(wire.Message{IsReply: true, Nonce: nonce, Place: fleet.PlaceOf("e"), From: "c", To: "m0"}), from)
	require.ErrorContains(t, (<-r.done).err, "b was asked, and c has answered")
	n.take(n.sockets[0], sealed(wire.Message{IsReply: true, Nonce: nonce, Place: fleet.PlaceOf("e"), From: "b", To: "m7"}), from)
	require.ErrorContains(t, (<-r.done).err, "its reply is for m7")
	n.take(n.sockets[0], sealed(wire.Message{IsReply: true, Nonce: nonce, From: "b", To: "m0"}), from)
	require.ErrorContains(t, (<-r.done).err, "for another place")
	right := sealed(wire.Message{IsReply: true, Nonce: nonce, Place: fleet.PlaceOf("e"), From: "b", To: "m0"})
	n.take(n.sockets[0], right, from)
	require.NoError(t, (<-r.done).err)
	n.forget(nonce)
	n.take(n.sockets[0], right, from)
	require.Empty(t, r.done)
}

// A machine that was busy until its patience was over may have had the reply for long.
func TestAReplyThatHasComeIsNotLost(t *testing.T) {
	over := make(chan time.Time)
	close(over)
	for range 100 { // either of two that are ready would be taken
		r := &request{done: make(chan reply, 1)}
		_, came := r.wait(t.Context(), over)
		require.False(t, came)
		r.done <- reply{err: errNothing}
		got, came := r.wait(t.Context(), over)
		require.True(t, came)
		require.ErrorIs(t, got.err, errNothing)
	}
}

func TestAnAddressMayNotAskForEver(t *testing.T) {
	l := newLimiter()
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:2")
	for range limitBurst {
		require.True(t, l.admits(a, 0))
	}
	require.False(t, l.admits(b, 0), "one host has 64 bits of addresses")
	require.False(t, l.admits(a, limitEvery-1))
	require.True(t, l.admits(a, limitEvery))
}

func TestAListFollowsItsName(t *testing.T) {
	c := configs(t, "127.0.0.1", 1)[0]
	port := ports.UDP(t, "127.0.0.1", 1)[0].Port()
	c.Peers, c.List = nil, fmt.Sprintf("localhost:%d", port)
	m := start(t, c)
	eventually(t, "it is looked up", func() bool {
		v := m.View()
		return len(v.Peers) == 1 && v.Peers[0].Entry == fmt.Sprintf("127.0.0.1:%d", port)
	})
	c = configs(t, "127.0.0.1", 1)[0]
	c.Peers, c.List = nil, "no-such-host.invalid:4461"
	m = start(t, c)
	eventually(t, "its failure is told", func() bool { return strings.Contains(m.problem("list"), "cannot be looked up") })
}
