package epsilongrpc_test

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// history is the timestamps of events, each of which happened before the next.
type history struct {
	mu     sync.Mutex
	events []hlc.Timestamp
}

func (h *history) add(t hlc.Timestamp, err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, t)
	return err
}

// link is one service of a chain: it does something, calls the next one in the way that it was called itself, and does
// something again.
type link struct {
	clock   *hlc.Clock
	next    *grpc.ClientConn // nil for the last
	history *history
}

func (l link) handle(ctx context.Context, how caller) error {
	received, _ := epsilongrpc.FromContext(ctx)
	_ = l.history.add(received, nil)
	if err := l.history.add(l.clock.Now()); err != nil || l.next == nil {
		return err
	}
	if err := how(ctx, l.next); err != nil {
		return err
	}
	return l.history.add(l.clock.Now())
}

// drain reads what a client sends.
func drain[M any](receive func() (M, error)) error {
	for {
		if _, err := receive(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (l link) service() service {
	return service{
		unary: func(ctx context.Context) error { return l.handle(ctx, unary) },
		output: func(s testgrpc.TestService_StreamingOutputCallServer) error {
			if err := s.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil { // the header has gone
				return err
			}
			return l.handle(s.Context(), serverStream)
		},
		input: func(s testgrpc.TestService_StreamingInputCallServer) error {
			if err := drain(s.Recv); err != nil {
				return err
			}
			if err := l.handle(s.Context(), clientStream); err != nil {
				return err
			}
			return s.SendAndClose(&testgrpc.StreamingInputCallResponse{})
		},
		duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
			if err := l.handle(s.Context(), duplex); err != nil {
				return err
			}
			if err := s.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
				return err
			}
			return drain(s.Recv)
		},
	}
}

// A caller makes one call to its end.
type caller func(context.Context, *grpc.ClientConn) error

func unary(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := testgrpc.NewTestServiceClient(conn).UnaryCall(ctx, &testgrpc.SimpleRequest{})
	return err
}

func serverStream(ctx context.Context, conn *grpc.ClientConn) error {
	s, err := testgrpc.NewTestServiceClient(conn).StreamingOutputCall(ctx, &testgrpc.StreamingOutputCallRequest{})
	if err != nil {
		return err
	}
	return drain(s.Recv)
}

func clientStream(ctx context.Context, conn *grpc.ClientConn) error {
	s, err := testgrpc.NewTestServiceClient(conn).StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	if err := s.Send(&testgrpc.StreamingInputCallRequest{}); err != nil {
		return err
	}
	_, err = s.CloseAndRecv()
	return err
}

func duplex(ctx context.Context, conn *grpc.ClientConn) error {
	s, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.Send(&testgrpc.StreamingOutputCallRequest{}); err != nil {
			return err
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	return drain(s.Recv)
}

// apart returns a clock of which true time is start, that is up to a quarter of a second off, and knows it.
func apart(t *testing.T, r *rand.Rand) *hlc.Clock {
	const epsilon = 250 * time.Millisecond
	intervals := truetimetest.NewManual(start.Time().Add(time.Duration(r.Int64N(2*int64(epsilon)))-epsilon), epsilon)
	clock, err := hlc.New(intervals)
	require.NoError(t, err)
	return clock
}

// A client calls a service, that calls another, that calls a third. Their clocks are up to half a second apart.
func TestEveryEffectHasALargerTimestampThanItsCause(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var h history
		var last *link
		for range 3 {
			l := &link{clock: apart(t, r), history: &h}
			if last != nil {
				l.next = connect(t, serveTest(t, last.service(), stamping(last.clock)...), merging(l.clock)...)
			}
			last = l
		}
		first := serveTest(t, last.service(), stamping(last.clock)...)
		client, relay := apart(t, r), new(hlchttp.Relay)
		own, borrowed := connect(t, first, merging(client)...), connect(t, first, merging(relay)...)
		for name, call := range map[string]caller{"unary": unary, "server stream": serverStream, "client stream": clientStream, "bidi": duplex} {
			h.events = nil
			require.NoError(t, h.add(client.Now()))
			require.NoError(t, call(t.Context(), own))
			require.NoError(t, h.add(client.Now()))
			require.Len(t, h.events, 2+3+3+2, "%s, seed %d", name, seed)
			require.IsIncreasing(t, h.events, "%s, seed %d", name, seed)

			h.events = nil
			require.NoError(t, call(t.Context(), borrowed))
			require.NoError(t, h.add(relay.Now()))
			require.NoError(t, call(t.Context(), borrowed))
			require.NoError(t, h.add(relay.Now()))
			require.IsIncreasing(t, h.events, "%s, seed %d, a client without a clock", name, seed)
		}
	}
}
