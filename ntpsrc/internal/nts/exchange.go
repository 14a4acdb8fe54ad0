package nts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/facebook/time/ntp/protocol/nts/aessiv"
)

const (
	alpn          = "ntske/1"                        // RFC 8915 section 4
	exporterLabel = "EXPORTER-network-time-security" // section 4.3

	// maxBytes is what may come in one key exchange, certificates included. A usual one takes 4
	// KiB.
	maxBytes = 32 << 10
)

// Exchange performs a key exchange with the server at address, "host:port", over the connection
// that dial makes. The configuration is that of [ClientConfig]. The context bounds all of it, and
// should have a deadline. An error is one sentence that says what to do about it, and wraps
// truetime.ErrUnusable if the server answered but cannot be used.
func Exchange(ctx context.Context, address string, dial func(context.Context) (net.Conn, error), config *tls.Config) (*Association, error) {
	a, err := exchange(ctx, dial, config)
	if err != nil {
		explained := fmt.Errorf("key exchange with %s: %w", address, explain(ctx, err))
		if ReachedNobody(err) {
			explained = unreachedError{explained}
		}
		return nil, explained
	}
	return a, nil
}

func exchange(ctx context.Context, dial func(context.Context) (net.Conn, error), config *tls.Config) (*Association, error) {
	plain, err := dial(ctx)
	if err != nil {
		return nil, unreachedError{err}
	}
	defer plain.Close()
	release := context.AfterFunc(ctx, func() { _ = plain.SetDeadline(time.Unix(1, 0)) })
	defer release()

	conn := tls.Client(&limited{plain, maxBytes}, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != alpn {
		return nil, errNotNTS
	}
	if _, err := conn.Write(request[:]); err != nil {
		return nil, err
	}
	m, err := readMessage(conn)
	if err != nil {
		return nil, err
	}
	_ = conn.CloseWrite() // a farewell (section 4): whether it arrives is no concern of ours
	return associate(&state, m, plain.RemoteAddr())
}

// associate derives the two keys (section 5.1): the context of each is the protocol, the algorithm,
// and its direction.
func associate(state *tls.ConnectionState, m message, remote net.Addr) (*Association, error) {
	a := &Association{Server: m.server, Port: m.port, cookies: m.cookies}
	if tcp, ok := remote.(*net.TCPAddr); ok {
		a.Remote = tcp.AddrPort().Addr().Unmap()
	}
	for direction, key := range []**aessiv.AESSIV{&a.toServer, &a.fromServer} {
		of := []byte{0, protocolNTPv4, 0, aeadSIV256, byte(direction)}
		secret, err := state.ExportKeyingMaterial(exporterLabel, of, aessiv.KeySize)
		if err != nil {
			return nil, fmt.Errorf("cannot derive the keys: %w", err)
		}
		if *key, err = aessiv.NewAESSIV(secret); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// limited refuses to read more than a number of bytes: what TLS buffers of a handshake is bounded
// by what it is given.
type limited struct {
	net.Conn
	left int
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left == 0 {
		return 0, errTooMuch
	}
	n, err := l.Conn.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// ClientConfig makes the configuration of a key exchange from the caller's, which may be nil and is
// not changed: TLS 1.3 and the protocol ntske/1, and host as the name in the certificate unless
// there is another. It refuses a configuration under which anybody could be the server.
func ClientConfig(config *tls.Config, host string) (*tls.Config, error) {
	if config == nil {
		config = &tls.Config{}
	}
	switch {
	case config.InsecureSkipVerify && config.VerifyConnection == nil && config.VerifyPeerCertificate == nil:
		return nil, errors.New("the TLS configuration skips the check of the certificate, so that nobody would be authenticated: set RootCAs to the server's authority instead")
	case config.MaxVersion != 0 && config.MaxVersion < tls.VersionTLS13:
		return nil, fmt.Errorf("the TLS configuration ends at %s: NTS needs TLS 1.3", tls.VersionName(config.MaxVersion))
	}
	config = config.Clone()
	config.MinVersion = tls.VersionTLS13 // section 3
	config.NextProtos = []string{alpn}
	config.ClientSessionCache = nil // a key exchange is rare, and looks at the certificate every time
	if config.ServerName == "" {
		config.ServerName = withoutZone(host)
	}
	return config, nil
}

// withoutZone drops the zone of an IPv6 address, which no certificate has.
func withoutZone(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(host, ".")
}
