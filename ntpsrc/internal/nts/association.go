package nts

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"

	"github.com/facebook/time/ntp/protocol/nts/aessiv"

	"github.com/epsilontime/epsilon/internal/extension"
)

// Reasons for which a datagram is not the reply to a request. It is then to be treated as if it had
// never come (RFC 8915 section 5.7).
var (
	ErrNotProtected = errors.New("without an NTS authenticator")
	ErrUniqueID     = errors.New("with another unique identifier")
	ErrForged       = errors.New("with an authenticator that is not the server's")

	// ErrNAK: the server does not know our cookie, or somebody says so in its name: a kiss-o'-death
	// NTSN is not authenticated. It is a reason to exchange keys anew only if no genuine reply
	// comes.
	ErrNAK = errors.New("with the kiss-o'-death NTSN")
)

// Association is what one key exchange has agreed on. It is safe for concurrent use.
type Association struct {
	Server string     // the NTP server, a host name or an address; empty if it is at Remote
	Port   uint16     // of the NTP server; 0 for the usual one
	Remote netip.Addr // the server of the key exchange

	toServer, fromServer *aessiv.AESSIV

	mu      sync.Mutex
	cookies [][]byte
}

// Cookies is how many requests can be made.
func (a *Association) Cookies() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.cookies)
}

// refill keeps new cookies, up to eight.
func (a *Association) refill(cookies [][]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room := cookiesMax - len(a.cookies)
	a.cookies = append(a.cookies, cookies[:min(room, len(cookies))]...)
}

// Request takes a cookie for one exchange, the oldest, as servers forget old keys. It is false if
// none is left.
func (a *Association) Request() (*Request, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cookies) == 0 {
		return nil, false
	}
	r := &Request{association: a, cookie: a.cookies[0]}
	a.cookies = a.cookies[1:]
	r.missing = cookiesMax - len(a.cookies) - 1 // besides the one that replaces the one that is spent
	_, _ = rand.Read(r.uniqueID[:])             // never fails: crypto/rand ends the process first
	return r, true
}

// Return gives back the cookie of a request that was not sent, to be used again. After it was sent
// it is not to be: two requests with one cookie show whoever sees them that they come from one
// client.
func (a *Association) Return(r *Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cookies) < cookiesMax {
		a.cookies = append([][]byte{r.cookie}, a.cookies...)
	}
}

// Request is one protected exchange.
type Request struct {
	association *Association
	cookie      []byte
	missing     int
	uniqueID    [uniqueIDSize]byte
}

// Seal appends the extension fields of a request to its header (section 5.7): the unique
// identifier, the cookie, a placeholder of the cookie's size for each further one that is wanted,
// and the authenticator of all of it.
func (r *Request) Seal(packet []byte) ([]byte, error) {
	packet = extension.Append(packet, fieldUniqueID, r.uniqueID[:])
	packet = extension.Append(packet, fieldCookie, r.cookie)
	const authenticator = extension.HeadSize + 4 + nonceSize + tagSize
	for range r.missing {
		if len(packet)+extension.HeadSize+len(r.cookie)+authenticator > packetMax {
			break
		}
		packet = extension.Append(packet, fieldPlaceholder, make([]byte, len(r.cookie)))
	}
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:])
	return appendAuthenticator(packet, r.association.toServer, nonce[:], nil)
}

// appendAuthenticator seals a packet: all of it is authenticated, and the plaintext encrypted.
func appendAuthenticator(packet []byte, key *aessiv.AESSIV, nonce, plaintext []byte) ([]byte, error) {
	ciphertext, err := key.Seal(nil, plaintext, packet, nonce)
	if err != nil {
		return nil, err
	}
	body := make([]byte, 4+padded(len(nonce))+padded(len(ciphertext)))
	binary.BigEndian.PutUint16(body, uint16(len(nonce)))
	binary.BigEndian.PutUint16(body[2:], uint16(len(ciphertext)))
	copy(body[4:], nonce)
	copy(body[4+padded(len(nonce)):], ciphertext)
	return extension.Append(packet, fieldAuthenticator, body), nil
}

// Open returns nil if a datagram is the server's reply to this request, and keeps the cookies that
// it brings. Otherwise it is one of the errors above, or one that says how the datagram is
// malformed. The datagram is not changed.
//
// The authenticator covers what precedes it, the header in full. What follows it is nobody's and is
// not looked at.
func (r *Request) Open(reply []byte) error {
	var recognised bool
	if len(reply) < headerSize {
		return extension.ErrMalformed
	}
	for f, err := range extension.Fields(reply, headerSize, extension.Smallest) {
		switch {
		case err != nil:
			return err
		case f.Kind == fieldUniqueID && (recognised || subtle.ConstantTimeCompare(f.Body, r.uniqueID[:]) != 1):
			return ErrUniqueID
		case f.Kind == fieldUniqueID:
			recognised = true
		case f.Kind == fieldAuthenticator && !recognised:
			return ErrUniqueID
		case f.Kind == fieldAuthenticator:
			return r.authenticate(reply[:f.At], f.Body)
		}
	}
	if recognised && isNAK(reply) {
		return ErrNAK
	}
	return ErrNotProtected
}

// isNAK reports whether a reply says that the server cannot read our cookie: stratum 0 and the code
// NTSN in the place of the reference identifier (section 5.7).
func isNAK(reply []byte) bool {
	const stratum, reference = 1, 12
	return reply[stratum] == 0 && bytes.Equal(reply[reference:reference+4], []byte("NTSN"))
}

func (r *Request) authenticate(covered, body []byte) error {
	s, err := parseSealed(body)
	if err != nil {
		return err
	}
	plaintext, err := r.association.fromServer.Open(nil, s.ciphertext, covered, s.nonce)
	if err != nil {
		return ErrForged
	}
	var cookies [][]byte
	for f, err := range extension.Fields(plaintext, 0, extension.HeadSize) {
		if err != nil {
			return err
		}
		if f.Kind == fieldCookie && usableCookie(f.Body) && len(cookies) < cookiesMax {
			cookies = append(cookies, f.Body)
		}
	}
	r.association.refill(cookies)
	return nil
}
