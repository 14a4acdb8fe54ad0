package ntpsrc

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/handover"
	"github.com/epsilontime/epsilon/internal/testing/ntpserver"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/truetime"
)

// A clock's other sources, and all that it does beside, wait for a source that waits for something and has not
// said so before. In each case here nothing ever comes, and what hears that it is about to be waited
// for ends the wait.
func TestEveryWaitIsSaidBefore(t *testing.T) {
	for name, source := range map[string]func(t *testing.T) truetime.Source{
		"a server that is silent": func(t *testing.T) truetime.Source {
			return Server(startServer(t, ntpserver.Behavior{Silent: true}).Address())
		},
		"a server that is silent and far away": func(t *testing.T) truetime.Source {
			s := Server(startServer(t, ntpserver.Behavior{Silent: true}).Address()).(*server)
			s.took.Store(int64(directNever))
			return s
		},
		"a name server that is silent": func(t *testing.T) truetime.Source {
			hangResolver(t)
			return Server("example.invalid")
		},
		"a name that somebody else looks up": func(t *testing.T) truetime.Source {
			s := Server("example.invalid").(*server)
			s.place.busy <- struct{}{}
			return s
		},
		"a pool whose name server is silent": func(t *testing.T) truetime.Source {
			hangResolver(t)
			return Pool("pool.example.invalid", 1)[0]
		},
		"a pool that somebody else looks up": func(t *testing.T) truetime.Source {
			m := Pool("pool.example.invalid", 1)[0].(*server)
			m.place.roster.busy <- struct{}{}
			return m
		},
		"a member of a pool that is silent": func(t *testing.T) truetime.Source {
			b := newPoolBed(t, 1, 1)
			for _, s := range b.servers {
				s.Set(ntpserver.Behavior{Silent: true})
			}
			return b.sources[0]
		},
		"a member of a pool that chooses a server for another clock": func(t *testing.T) truetime.Source {
			m := Pool("pool.example.invalid", 1)[0].(*server)
			m.place.busy <- struct{}{}
			return m
		},
		"a key exchange": func(t *testing.T) truetime.Source {
			return NTS(mutePort(t), WithTLSConfig(&tls.Config{}))
		},
		"a key exchange of somebody else": func(t *testing.T) truetime.Source {
			s := NTS(mutePort(t)).(*secured)
			s.keys.busy <- struct{}{}
			return s
		},
		"an authenticated server that is silent": func(t *testing.T) truetime.Source {
			w := newWorld(t, ntstest.Behavior{Edit: silent})
			_, err := w.source.keys.ready(t.Context(), w.counter)
			require.NoError(t, err)
			return w.source
		},
		"a socket of the runtime": func(t *testing.T) truetime.Source {
			w := newWorld(t, ntstest.Behavior{Edit: silent})
			_, err := w.source.keys.ready(t.Context(), w.counter)
			require.NoError(t, err)
			w.source.connect = openPlain
			return w.source
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := source(t)
			require.Implements(t, (*handover.Giver)(nil), s)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			said := false
			_, err := s.Sample(handover.With(ctx, func() { said = true; cancel() }), system(t))
			require.Error(t, err)
			require.True(t, said)
			require.ErrorIs(t, ctx.Err(), context.Canceled, "not only afterwards")
		})
	}
}

// hangResolver makes every look-up hang until its context ends.
func hangResolver(t *testing.T) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
}

// mutePort takes connections and says nothing.
func mutePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l.Addr().String()
}
