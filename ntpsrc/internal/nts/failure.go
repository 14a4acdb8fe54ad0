package nts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/epsilontime/epsilon/truetime"
)

var (
	errNotNTS  = errors.New("it speaks TLS, but not ntske/1: this is no NTS server")
	errTooMuch = fmt.Errorf("it sends more than %d bytes", maxBytes)
)

// unreachedError is why no connection came about.
type unreachedError struct{ error }

func (e unreachedError) Unwrap() error { return e.error }

// ReachedNobody reports whether a key exchange failed without a connection: it has cost no server
// anything.
func ReachedNobody(err error) bool {
	var unreached unreachedError
	return errors.As(err, &unreached)
}

// explain turns what went wrong in a key exchange into what it means.
func explain(ctx context.Context, err error) error {
	var lookup *net.DNSError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	case errors.As(err, &lookup):
		return err // it says so
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at this TCP port, so it may be a server without NTS: %w", syscall.ECONNREFUSED)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer in time: %w", err)
	}
	if meaning := certificateProblem(err); meaning != "" {
		return fmt.Errorf("%w: %s: %w", truetime.ErrUnusable, meaning, err)
	}
	if meaning := protocolProblem(err); meaning != "" {
		return fmt.Errorf("%w: %s", truetime.ErrUnusable, meaning)
	}
	var opening *net.OpError
	if errors.As(err, &opening) {
		return err // the network's own words: no route, reset
	}
	return fmt.Errorf("%w: %w", truetime.ErrUnusable, err)
}

// certificateProblem says what is wrong with the server's certificate, if that is it.
func certificateProblem(err error) string {
	var (
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		other     *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another name"
	case errors.As(err, &authority):
		return "the certificate comes from an unknown authority, which WithTLSConfig may name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is not valid at this time, or the local wall clock is far off"
	case errors.As(err, &invalid), errors.As(err, &other):
		return "the certificate cannot be verified"
	}
	return ""
}

// protocolProblem says what somebody speaks who does not speak NTS-KE.
func protocolProblem(err error) string {
	var (
		record tls.RecordHeaderError
		remote *net.OpError
	)
	isAlert := errors.As(err, &remote) && remote.Op == "remote error" // crypto/tls's name for it

	switch {
	case errors.As(err, &record):
		return "it does not speak TLS: this is no NTS server"
	case isAlert && strings.Contains(err.Error(), "no application protocol"):
		return errNotNTS.Error()
	case isAlert:
		return fmt.Sprintf("it refuses the TLS connection: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection: this may be no NTS server"
	}
	return ""
}
