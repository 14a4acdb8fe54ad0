package ntpserver

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// fixed is a clock that stands.
type fixed struct {
	truetime.Interval
	err error
}

func (f fixed) Now() (truetime.Interval, error) { return f.Interval, f.err }

var noon = truetime.FromStd(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))

// newUnconnected is a worker without a socket: what is in its batch has been received.
func newUnconnected(t testing.TB, reader truetime.Reader, wild bool) *worker {
	t.Helper()
	counter := new(monotonic.Manual)
	s := &Server{config: Config{Reader: reader, Counter: counter}, limiter: newLimiter(DefaultLimit())}
	s.reference.Store(&reference{stratum: 2, id: [4]byte{192, 0, 2, 1}, corrected: 1})
	return &worker{server: s, socket: &socket{wild: wild}, batch: newBatch()}
}

// received puts a datagram into the batch, as the kernel would.
func (w *worker) received(i int, datagram []byte, family, port uint16, control []byte) {
	s := &w.batch.slots[i]
	copy(s.request[:], datagram)
	w.batch.in[i].length = uint32(min(len(datagram), requestSize))
	s.name.Family, s.name.Port = family, port
	w.batch.in[i].header.SetControllen(copy(s.into[:], control))
}

// asked is the control message that says which address a request was sent to.
func asked(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// FuzzRequest has the server answer arbitrary bytes with arbitrary control messages. Nothing panics, and
// no reply is longer than its request, or an answer to anything but a client's.
func FuzzRequest(f *testing.F) {
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	four := asked(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1})
	six := asked(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, append(make([]byte, 15), 1, 1, 0, 0, 0))
	f.Add(request, uint16(unix.AF_INET), uint16(1), four, true)
	f.Add(request, uint16(unix.AF_INET6), uint16(1), six, true)
	f.Add(request[:47], uint16(unix.AF_INET), uint16(1), four[:20], false)
	f.Add(append(request, 0, 1, 2, 3), uint16(0), uint16(0), []byte{}, true)
	w := newUnconnected(f, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon + 1000}}, true)
	w.received(0, request, unix.AF_INET, 1, four)
	w.received(1, request, unix.AF_INET6, 1, six)
	require.Equal(f, 2, w.prepare(2).replies, "a fuzzer that begins with requests which are refused does not get far")
	empty := extension.AppendBounds(nil, extension.Bounds{})
	f.Add(append(request, empty...), uint16(unix.AF_INET), uint16(1), four, true)
	f.Fuzz(func(t *testing.T, datagram []byte, family, port uint16, control []byte, wild bool) {
		w := newUnconnected(t, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon + 1000}}, wild)
		w.received(0, datagram, family, port, control)
		tally := w.prepare(1)
		dropped := 0
		for i := range w.counters.dropped {
			dropped += int(w.counters.dropped[i].Load())
		}
		require.Equal(t, 1, tally.replies+dropped)
		if tally.replies == 0 {
			return
		}
		reply := w.batch.slots[0].reply[:w.batch.out[0].header.Iov.Len]
		require.LessOrEqual(t, len(reply), len(datagram))
		if len(reply) > messageSize {
			require.Contains(t, string(datagram[messageSize:]), string(empty), "bounds are for whoever asks")
		}
		require.EqualValues(t, 3, datagram[0]&7)
		require.Equal(t, datagram[0]&(7<<3)|4, reply[0])
		require.Contains(t, []byte{3, 4}, reply[0]>>3)
		require.Equal(t, datagram[40:48], reply[24:32])
		out := &w.batch.out[0].header
		require.LessOrEqual(t, int(out.Controllen), len(w.batch.slots[0].from))
		require.NotZero(t, port)
		require.Equal(t, wild, out.Controllen > 0, "from the address that was asked")
	})
}

func TestRequestsToNoOneHostAreDropped(t *testing.T) {
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	for name, c := range map[string]struct {
		family, port uint16
		control      []byte
		dropped      bool
	}{
		"to an address":        {unix.AF_INET, 1, asked(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1}), false},
		"to a broadcast":       {unix.AF_INET, 1, asked(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255}), true},
		"to a multicast":       {unix.AF_INET6, 1, asked(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, append([]byte{0xff}, make([]byte, 19)...)), true},
		"from no port":         {unix.AF_INET, 0, asked(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1}), true},
		"to nobody knows whom": {unix.AF_INET6, 1, nil, true},
	} {
		w := newUnconnected(t, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon}}, true)
		w.received(0, request, c.family, c.port, c.control)
		require.Equal(t, c.dropped, w.prepare(1).replies == 0, name)
		require.Equal(t, c.dropped, w.counters.dropped[NoReplyAddress].Load() == 1, name)
	}
}

// What is put between good requests does not change their replies, which go to who asked.
func TestRepliesOfABatchBelongToTheirRequests(t *testing.T) {
	w := newUnconnected(t, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon}}, false)
	for i := range batchSize {
		request := make([]byte, messageSize)
		request[0] = 4<<3 | 3
		if i%3 == 1 {
			request[0] = 4<<3 | 6
		}
		binary.BigEndian.PutUint64(request[40:], uint64(i))
		w.received(i, request, unix.AF_INET6, uint16(1000+i), nil)
	}
	at := 0
	require.Equal(t, batchSize-5, w.prepare(batchSize).replies)
	for i := range batchSize {
		if i%3 == 1 {
			continue
		}
		out := &w.batch.out[at].header
		require.Equal(t, uint16(1000+i), (*unix.RawSockaddrInet6)(unsafe.Pointer(out.Name)).Port)
		reply := unsafe.Slice(out.Iov.Base, messageSize)
		require.Equal(t, uint64(i), binary.BigEndian.Uint64(reply[24:]))
		at++
	}
}

// Whoever asks for bounds gets the reply that others get, and behind it the bounds. All others get what
// they got before there were any.
func TestBoundsAreForWhoeverAsks(t *testing.T) {
	clock := fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon + 1001}}
	question := extension.AppendBounds(nil, extension.Bounds{})
	answer := extension.AppendBounds(nil, newBounds(t, clock.Interval))
	other := extension.Append(nil, 0xF323, make([]byte, 24))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		version byte
		fields  []byte
		bounds  bool
	}{
		"nothing":                      {4, nil, false},
		"bounds":                       {4, question, true},
		"something else, and bounds":   {4, join(other, question), true},
		"bounds, and something else":   {4, join(question, other), true},
		"bounds, and a MAC":            {4, join(question, make([]byte, 20)), true},
		"bounds, and much more":        {4, join(question, make([]byte, 1000)), true},
		"something else":               {4, other, false},
		"bounds in version 3":          {3, question, false},
		"bounds that are not asked":    {4, answer, false},
		"what is no field, and bounds": {4, join(make([]byte, 4), question), false},
		"half a question":              {4, question[:20], false},
		"beyond what is read":          {4, join(other, other, question), false},
	} {
		w := newUnconnected(t, clock, false)
		request := make([]byte, messageSize)
		request[0] = c.version<<3 | 3
		w.received(0, request, unix.AF_INET, 1, nil)
		w.received(1, join(request, c.fields), unix.AF_INET, 1, nil)
		require.Equal(t, 2, w.prepare(2).replies, name)
		plain, reply := w.sent(0), w.sent(1)
		require.Len(t, plain, messageSize)
		require.Equal(t, plain, reply[:messageSize], name)
		if c.bounds {
			require.Equal(t, answer, reply[messageSize:], name)
		} else {
			require.Len(t, reply, messageSize, name)
		}
	}
}

func newBounds(t *testing.T, i truetime.Interval) extension.Bounds {
	t.Helper()
	c, ok := newClaim(i, i)
	require.True(t, ok)
	return c.bounds(0)
}

// sent is a reply as it is handed to the system.
func (w *worker) sent(at int) []byte {
	v := w.batch.out[at].header.Iov
	return unsafe.Slice(v.Base, v.Len)
}

// A reply without a time has no bounds either, and the next one in its place has none that were not
// asked for.
func TestReplyWithoutATimeHasNoBounds(t *testing.T) {
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	asking := extension.AppendBounds(request, extension.Bounds{})
	w := newUnconnected(t, fixed{err: truetime.ErrNotSynchronized}, false)
	w.received(0, asking, unix.AF_INET, 1, nil)
	w.prepare(1)
	require.Len(t, w.sent(0), messageSize)

	w = newUnconnected(t, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon}}, false)
	for _, c := range []struct {
		request []byte
		size    int
	}{{asking, largestReply}, {request, messageSize}, {asking, largestReply}} {
		w.received(0, c.request, unix.AF_INET, 1, nil)
		w.prepare(1)
		require.Len(t, w.sent(0), c.size)
	}
	w.server.limiter = newLimiter(&Limit{PerSecond: 0.001, Burst: 1, IPv4Bits: 32, IPv6Bits: 64})
	w.server.limiter.random = func() uint32 { return 1 } // a kiss
	for range 2 {
		w.received(0, asking, unix.AF_INET, 1, nil)
		w.prepare(1)
	}
	require.Equal(t, "RATE", string(w.sent(0)[12:16]))
	require.Len(t, w.sent(0), messageSize)
}

func TestWithoutAnAnswerThereIsNoTime(t *testing.T) {
	good := truetime.Interval{Earliest: noon, Latest: noon}
	for name, c := range map[string]struct {
		reader  truetime.Reader
		stratum uint8
		time    bool
	}{
		"an answer":        {fixed{Interval: good}, 2, true},
		"an error":         {fixed{Interval: good, err: truetime.ErrNotSynchronized}, 2, false},
		"too wide":         {fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon.Add(time.Minute)}}, 2, false},
		"follows nobody":   {fixed{Interval: good}, 0, false},
		"nothing said yet": {fixed{}, 2, false},
	} {
		w := newUnconnected(t, c.reader, false)
		w.server.reference.Store(&reference{stratum: c.stratum})
		request := make([]byte, messageSize)
		request[0] = 4<<3 | 3
		w.received(0, request, unix.AF_INET, 1, nil)
		tally := w.prepare(1)
		require.Equal(t, 1, tally.replies, name)
		require.Equal(t, c.time, tally.synchronized, name)
		reply := w.batch.slots[0].reply
		require.Equal(t, c.time, reply[0]>>6 == 0, name)
		require.Equal(t, c.time, reply[1] == c.stratum && reply[1] != 0, name)
		require.Equal(t, c.time, binary.BigEndian.Uint64(reply[40:]) != 0, name)
	}
}

func TestARequestAllocatesNothing(t *testing.T) {
	w := newUnconnected(t, fixed{Interval: truetime.Interval{Earliest: noon, Latest: noon}}, true)
	counter, err := monotonic.System()
	require.NoError(t, err)
	w.server.config.Counter = counter
	w.arrivals = newArrivals(counter, 200, new(atomic.Pointer[steered]))
	request := make([]byte, messageSize)
	request[0] = 4<<3 | 3
	request = extension.AppendBounds(request, extension.Bounds{})
	control := asked(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for i := range batchSize {
			w.received(i, request, unix.AF_INET, 1, control)
		}
		w.prepare(batchSize)
	}))
}
