package testbed

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// NTSChronyd is an honest chronyd that speaks NTS (RFC 8915) besides plain NTP.
type NTSChronyd struct {
	*Chronyd
	keyExchange string
	dumps       string
}

// StartNTSChronyd starts an honest server with NTS that shows this certificate.
func StartNTSChronyd(t testing.TB, certificate tls.Certificate) *NTSChronyd {
	t.Helper()
	RequireBinary(t, "chronyd")
	directory := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatalf("testbed: encode the key of a certificate: %v", err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatalf("testbed: write %s for chronyd: %v", name, err)
		}
		return path
	}
	port := HoldTCP(t)
	c := &NTSChronyd{keyExchange: loopback(port).String(), dumps: directory}
	c.Chronyd = launch(t, []string{
		serveHostClock,
		"ntsserverkey " + write("key.pem", "PRIVATE KEY", key),
		"ntsservercert " + write("certificate.pem", "CERTIFICATE", certificate.Certificate[0]),
		"ntsport " + strconv.Itoa(port),
		"ntsdumpdir " + directory,
		"ntsprocesses 0", // no process besides the one that is stopped
	}, nil, c.ready)
	return c
}

// ready says why the daemon is not ready yet: plain NTP or the port of the key exchange.
func (c *NTSChronyd) ready(reply exchange) error {
	if err := reply.usable(); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp4", c.keyExchange, exchangeLimit)
	if err != nil {
		return fmt.Errorf("no key exchange at %s: %w", c.keyExchange, err)
	}
	return conn.Close()
}

// KeyExchange returns where the server exchanges keys, "127.0.0.1:port". It is the same after a
// restart.
func (c *NTSChronyd) KeyExchange() string { return c.keyExchange }

// RestartWithNewKeys restarts the daemon as if it had lost its keys: it knows no cookie that it has
// given before. After a mere Restart it knows them still.
func (c *NTSChronyd) RestartWithNewKeys() {
	c.t.Helper()
	c.Stop()
	// chronyd's name for the file in ntsdumpdir (its nts_ke_server.c, DUMP_FILENAME).
	if err := os.Remove(filepath.Join(c.dumps, "ntskeys")); err != nil {
		c.t.Fatalf("testbed: chronyd has not saved its keys: %v", err)
	}
	c.Restart()
}
