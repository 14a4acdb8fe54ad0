package ntpsrc

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// wire is a socket to a server that gives one reply, optionally with the right origin, after the
// counter has advanced by as much as the exchange took.
type wire struct {
	reply   []byte
	match   bool
	counter *monotonic.Manual
	took    time.Duration
}

func (w *wire) send(request []byte) error {
	w.reply = bytes.Clone(w.reply)
	if w.match && len(w.reply) >= headerSize {
		copy(w.reply[24:32], request[40:48])
	}
	w.counter.Advance(w.took)
	return nil
}

func (w *wire) receive(_ context.Context, b []byte) (int, error) {
	if w.reply == nil {
		return 0, io.EOF
	}
	n := copy(b, w.reply)
	w.reply = nil
	return n, nil
}

func (w *wire) close() error { return nil }

// FuzzReply sends arbitrary datagrams as a reply, as they are and with the right origin. Whatever
// comes, nothing panics, and a sample that is accepted keeps every promise that a sample makes.
func FuzzReply(f *testing.F) {
	good := ntpserver.Behavior{}.Reply(make([]byte, headerSize), time.Unix(1_700_000_000, 0))[0]
	f.Add(good, true, int64(1000))
	f.Add(good, false, int64(0))
	f.Add(good[:47], true, int64(1))
	f.Add([]byte{}, true, int64(1))
	kiss := ntpserver.Behavior{Kiss: "RATE"}.Reply(make([]byte, headerSize), time.Unix(0, 0))[0]
	f.Add(kiss, true, int64(-1))
	f.Add(append(good, make([]byte, 4000)...), true, int64(1<<62))

	s := Server("192.0.2.1").(*server)
	f.Fuzz(func(t *testing.T, reply []byte, match bool, took int64) {
		var counter monotonic.Manual
		open := func(netip.AddrPort) (socket, error) {
			return &wire{reply: reply, match: match, counter: &counter, took: time.Duration(took)}, nil
		}
		c, err := s.ask(t.Context(), &counter, netip.MustParseAddrPort("192.0.2.1:123"), open, nil)
		if err != nil {
			return
		}
		sample, err := s.judge(c, netip.MustParseAddrPort("192.0.2.1:123"))
		if err != nil {
			return
		}
		switch {
		case sample.Stratum < 1 || sample.Stratum > 15:
			t.Fatalf("stratum %d", sample.Stratum)
		case sample.Leap > 2:
			t.Fatalf("leap %d", sample.Leap)
		case sample.Error < 22*time.Microsecond:
			t.Fatalf("error %v is below two units of the header", sample.Error)
		case sample.Received.Before(sample.Sent):
			t.Fatal("received before it was sent")
		case sample.Latest.Add(sample.Received.Sub(sample.Sent) + exchange{c1: sample.Sent, c4: sample.Received, resolution: 1, driftPPM: truetime.MaxDriftPPM}.slack()).Before(sample.Earliest):
			t.Fatalf("the sample excludes itself: %+v", sample)
		case sample.Delay > s.limits.maxDelay || sample.Delay/2+sample.Error > s.limits.maxRootDistance:
			t.Fatalf("beyond the limits: %+v", sample)
		}
	})
}
