package epsilongrpc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
)

// A gRPC server that net/http serves, behind hlchttp's handler: both carry the timestamp under the same name, and neither
// hides the other's.
func TestAHandlerBehindBothTransportsSeesOneTimestamp(t *testing.T) {
	client, clock := newClock(t, at(start)), newClock(t, at(start+500))
	var before, received, during hlc.Timestamp
	server := grpc.NewServer(stamping(clock)...)
	defer server.Stop()
	ends := error(nil)
	testgrpc.RegisterTestServiceServer(server, service{unary: func(ctx context.Context) error {
		received, _ = hlchttp.FromContext(ctx)
		if same, _ := epsilongrpc.FromContext(ctx); same != received {
			t.Errorf("%v here, %v in hlchttp", same, received)
		}
		during = now(t, clock)
		return ends
	}})
	listener, where := listenTCP(t)
	web := httptest.NewUnstartedServer(hlchttp.Handler(clock, server))
	require.NoError(t, web.Listener.Close())
	web.Listener = listener
	web.Config.Protocols = new(http.Protocols)
	web.Config.Protocols.SetUnencryptedHTTP2(true)
	web.Start()
	t.Cleanup(web.Close)
	conn := connect(t, where, merging(client)...)

	before = now(t, client)
	header, trailer, err := call(t.Context(), conn)
	require.NoError(t, err)
	require.Greater(t, received, before)
	require.Greater(t, stamp(t, header), during)
	require.Greater(t, stamp(t, trailer), during)
	require.Greater(t, client.Last(), max(stamp(t, header), stamp(t, trailer)))

	ends = status.Error(codes.NotFound, "no such account")
	_, trailer, err = call(t.Context(), conn)
	require.Equal(t, codes.NotFound, status.Code(err))
	require.Greater(t, stamp(t, trailer), during)
	require.Greater(t, client.Last(), stamp(t, trailer))
}

func TestAHandlerOfHTTPSeesItsTimestampHere(t *testing.T) {
	clock := newClock(t, at(start))
	recorder := httptest.NewRecorder()
	hlchttp.Handler(clock, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received, ok := epsilongrpc.FromContext(r.Context())
		require.True(t, ok)
		require.Equal(t, start, received)
	})).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
}
