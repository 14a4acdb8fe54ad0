package epsilongrpc

import (
	"context"
	"crypto/x509"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// longestName is how much of the name in a certificate is put into an error, which has to fit into a
// header.
const longestName = 256

// peerOf names the other side of a call in errors: by its address, and by what its certificate proves.
func peerOf(ctx context.Context) string {
	p, _ := peer.FromContext(ctx)
	return peerName(p)
}

func peerName(p *peer.Peer) string {
	if p == nil {
		return ""
	}
	name := ""
	if p.Addr != nil {
		name = p.Addr.String()
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 { // else anybody may have written it
		return name
	}
	identity := identityOf(info.State.VerifiedChains[0][0])
	return name + " (" + identity[:min(len(identity), longestName)] + ")"
}

// identityOf is the name that a certificate was given for: that of a workload (SPIFFE), a host, or
// whatever its subject is.
func identityOf(c *x509.Certificate) string {
	switch {
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	default:
		return c.Subject.String()
	}
}
