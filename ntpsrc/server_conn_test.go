package ntpsrc

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// stampedWire is a [wire] with the kernel's stamps, on a machine with a scripted wall clock. The
// counter reads 10 µs more after each step of the exchange, and readTakes more after a reading of the wall clock.
type stampedWire struct {
	wire
	clock          wallclocktest.Scripted
	strobed        bool
	readTakes      time.Duration
	sent, received int64 // where the counter was at the stamps; 0 for none
}

func (w *stampedWire) now() int64 { return int64(w.counter.Now()) }

func (w *stampedWire) send(request []byte) error {
	w.counter.Advance(10 * time.Microsecond)
	return w.wire.send(request)
}

func (w *stampedWire) receive(ctx context.Context, b []byte) (int, error) {
	defer w.counter.Advance(10 * time.Microsecond)
	return w.wire.receive(ctx, b)
}

func (w *stampedWire) settle(context.Context, monotonic.Counter) {}

func (w *stampedWire) readFirst(monotonic.Counter) (wallclock.Reading, bool) {
	now := w.now()
	return w.clock.Reading(now, now, now, int64(w.counter.Advance(w.readTakes))), true
}

func (w *stampedWire) readLast(c monotonic.Counter) (wallclock.Reading, bool) { return w.readFirst(c) }

func (w *stampedWire) stamps() (sent, received int64) {
	if w.sent > 0 {
		sent = w.clock.Wall(w.sent)
	}
	if w.received > 0 {
		received = w.clock.Wall(w.received)
	}
	return sent, received
}

func (w *stampedWire) wasSet() bool { return w.strobed }

// exchangeOver performs an exchange that takes from 0 to 120 µs by the program's own readings: the
// request leaves before 10 µs, and the reply comes at 110 µs.
func exchangeOver(t *testing.T, w *stampedWire) *conn {
	t.Helper()
	return exchangeOverBy(t, w, 200)
}

func TestStampsOfTheKernelNarrowTheExchange(t *testing.T) {
	c := exchangeOver(t, &stampedWire{clock: wallclocktest.Steady(), sent: 8_001, received: 110_001})
	require.Equal(t, "kernel", c.stamps)
	// Each is moved by 0.815 of its distance from the reading, less what rounding takes.
	require.InDelta(t, 1+0.815*8_000, int64(c.sent), 20)
	require.InDelta(t, 120_001-0.815*10_000, int64(c.received), 20)
}

// Stamps right beside a reading say less than the program knows.
func TestStampsOfTheKernelNeverWidenTheExchange(t *testing.T) {
	const takes = 5 * time.Microsecond
	c := exchangeOver(t, &stampedWire{clock: wallclocktest.Steady(), readTakes: takes, sent: 5_101, received: 124_901})
	require.Equal(t, "kernel", c.stamps)
	require.EqualValues(t, 5_001, c.sent)
	require.EqualValues(t, 125_001, c.received)
}

func TestOneStampIsUsedWithoutTheOther(t *testing.T) {
	c := exchangeOver(t, &stampedWire{clock: wallclocktest.Steady(), received: 110_001})
	require.Equal(t, "kernel, receive only", c.stamps)
	require.EqualValues(t, 1, c.sent)
	require.Less(t, c.received, monotonic.Instant(120_001))

	c = exchangeOver(t, &stampedWire{clock: wallclocktest.Steady(), sent: 8_001})
	require.Equal(t, "kernel, transmit only", c.stamps)
	require.Greater(t, c.sent, monotonic.Instant(1))
	require.EqualValues(t, 120_001, c.received)
}

func TestExchangeDuringWhichTheWallClockMovedIsStampedByTheProgram(t *testing.T) {
	for name, w := range map[string]*stampedWire{
		"set forward":                     {clock: wallclocktest.Steady(wallclocktest.Set{At: 50_000, By: 10_000}), sent: 8_001, received: 110_001},
		"set back":                        {clock: wallclocktest.Steady(wallclocktest.Set{At: 50_000, By: -10_000}), sent: 8_001, received: 110_001},
		"set back and forth, and told so": {clock: wallclocktest.Steady(wallclocktest.Set{At: 50_000, By: -10_000}, wallclocktest.Set{At: 115_000, By: 10_000}), strobed: true, sent: 8_001, received: 110_001},
		"slewed too fast to be true":      {clock: wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{1.3}}, sent: 8_001, received: 110_001},
		"slewed too slowly to be true":    {clock: wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{0.7}}, sent: 8_001, received: 110_001},
		"set after the reply had come":    {clock: wallclocktest.Steady(wallclocktest.Set{At: 115_000, By: 10_000}), sent: 8_001, received: 110_001},
		"set before the request had left": {clock: wallclocktest.Steady(wallclocktest.Set{At: 5_000, By: 10_000}), sent: 8_001, received: 110_001},
	} {
		t.Run(name, func(t *testing.T) {
			c := exchangeOver(t, w)
			require.Equal(t, "program, as the wall clock was set or ran off meanwhile", c.stamps)
			require.EqualValues(t, 1, c.sent)
			require.EqualValues(t, 120_001, c.received)
		})
	}
}

func TestStampsThatContradictEachOtherAreNotUsed(t *testing.T) {
	c := exchangeOver(t, &stampedWire{clock: wallclocktest.Steady(), sent: 110_001, received: 8_001})
	require.Equal(t, "program", c.stamps)
	require.EqualValues(t, 1, c.sent)
	require.EqualValues(t, 120_001, c.received)
}

func TestSocketWithoutStampsIsStampedByTheProgram(t *testing.T) {
	c := exchangeOver(t, &stampedWire{clock: wallclocktest.Steady()})
	require.Equal(t, "program", c.stamps)

	sample, err := ask(t, ntptest.Behavior{}, WithoutKernelStamps())
	require.NoError(t, err)
	require.Equal(t, "program", sample.Stamps)
}

func TestReplyThatIsNotAcceptedIsAsIfItHadNeverCome(t *testing.T) {
	s := startServer(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		forged := append([]byte(nil), reply...)
		forged[1] = 7
		return [][]byte{forged, reply}
	}})
	socket, err := openPlain(netip.MustParseAddrPort(s.Address()))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := newConn(ctx, system(t), socket)
	defer c.Close()
	c.accept = func(reply []byte) bool { return reply[1] != 7 }
	request := newRequest()
	_, err = c.Write(request[:])
	require.NoError(t, err)
	var reply [maxReply]byte
	_, err = c.Read(reply[:])
	require.NoError(t, err)
	require.EqualValues(t, 1, c.reply.stratum)
	require.Equal(t, 1, c.junk)
}

func TestContextEndsTheWaitOnAPlainSocket(t *testing.T) {
	s := startServer(t, ntptest.Behavior{Silent: true})
	socket, err := openPlain(netip.MustParseAddrPort(s.Address()))
	require.NoError(t, err)
	defer socket.close()
	require.NoError(t, socket.send(make([]byte, headerSize)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s.Requests() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err = socket.receive(ctx, make([]byte, headerSize))
	require.Error(t, err)
}
