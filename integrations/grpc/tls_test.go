package epsilongrpc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/hlc"
)

// authority signs certificates for a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issue signs a certificate for what the template says; without an authority it is one.
func (a *authority) issue(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := &template, key
	if a.certificate != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	if a.certificate == nil {
		a.certificate, err = x509.ParseCertificate(der)
		require.NoError(t, err)
		a.key = key
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTheSenderIsNamedByItsVerifiedCertificate(t *testing.T) {
	ca := &authority{}
	ca.issue(t, x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "ca"}})
	serverCertificate := ca.issue(t, x509.Certificate{DNSNames: []string{"clock.example.net"}})
	workload, err := url.Parse("spiffe://example.org/ledger")
	require.NoError(t, err)
	for name, row := range map[string]struct {
		certificate x509.Certificate
		verified    bool
		want        string
	}{
		"workload":         {x509.Certificate{URIs: []*url.URL{workload}, DNSNames: []string{"x"}}, true, "(spiffe://example.org/ledger)"},
		"host":             {x509.Certificate{DNSNames: []string{"node-7.example.net"}}, true, "(node-7.example.net)"},
		"subject":          {x509.Certificate{Subject: pkix.Name{CommonName: "node-7"}}, true, "(CN=node-7)"},
		"a name for pages": {x509.Certificate{DNSNames: []string{strings.Repeat("n", 5000)}}, true, "(" + strings.Repeat("n", 256) + ")"},
		"not verified":     {x509.Certificate{DNSNames: []string{"node-7.example.net"}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			listener, where := listenTCP(t)
			config := &tls.Config{Certificates: []tls.Certificate{serverCertificate}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert}
			if !row.verified {
				config.ClientAuth = tls.RequireAnyClientCert
			}
			server, client := newClock(t, at(start)), newClock(t, at(start+5_000_000))
			serve(t, listener, func(s *grpc.Server) { testgrpc.RegisterTestServiceServer(s, service{}) },
				append(stamping(server), grpc.Creds(credentials.NewTLS(config)))...)
			secure := credentials.NewTLS(&tls.Config{
				RootCAs: ca.pool(), ServerName: "clock.example.net", Certificates: []tls.Certificate{ca.issue(t, row.certificate)},
			})
			conn := connect(t, where, append(merging(client), grpc.WithTransportCredentials(secure))...)
			_, _, err := call(t.Context(), conn)
			require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
			require.ErrorIs(t, err, hlc.ErrFromFuture)
			require.Contains(t, err.Error(), `"127.0.0.1:`)
			if row.want == "" {
				require.NotContains(t, err.Error(), "node-7")
			} else {
				require.Contains(t, err.Error(), " "+row.want+`" sent `)
			}
		})
	}

	// And the client names the server.
	listener, where := listenTCP(t)
	serve(t, listener, func(s *grpc.Server) { testgrpc.RegisterTestServiceServer(s, service{}) },
		append(stamping(newClock(t, at(start+5_000_000))), grpc.Creds(credentials.NewServerTLSFromCert(&serverCertificate)))...)
	secure := credentials.NewTLS(&tls.Config{RootCAs: ca.pool(), ServerName: "clock.example.net"})
	_, _, err = call(t.Context(), connect(t, where, append(merging(newClock(t, at(start))), grpc.WithTransportCredentials(secure))...))
	require.Equal(t, codes.Internal, status.Code(err), "%v", err)
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	require.Contains(t, err.Error(), where.target+" at "+listener.Addr().String()+" (clock.example.net)")
}
