// Package ntstest is an NTS server for tests that can misbehave: its key exchange may answer with
// any bytes, and its NTP half may send anything in place of its reply. It shares no code with the
// client, and keeps no secret: its cookies are the keys themselves.
package ntstest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/facebook/time/ntp/protocol/nts/aessiv"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

const (
	uniqueID      = 0x0104
	cookie        = 0x0204
	placeholder   = 0x0304
	authenticator = 0x0404

	headerSize = 48
	cookieSize = 2 * aessiv.KeySize
)

// Behavior is what a server does. The zero value is a good one.
type Behavior struct {
	NTP ntptest.Behavior // its Edit is not used

	// Answer, if not nil, returns what the key exchange answers in place of the given records,
	// which end with an end-of-message record.
	Answer func(records []byte) []byte

	// Edit, if not nil, returns the datagrams to send in place of the one that answers a request.
	Edit func(Reply) [][]byte

	NoCookies bool // in replies
}

// Reply is how the server would answer one request.
type Reply struct {
	Request  []byte
	Header   []byte // the first 48 bytes
	UniqueID []byte
	Cookies  []byte // extension fields that are to be encrypted
	Packet   []byte // all of it, sealed
	Key      *aessiv.AESSIV
}

// Seal makes a reply of a header, fields that are to be authenticated, and fields to be encrypted.
func (r Reply) Seal(header, plain, secret []byte) []byte {
	packet := append(bytes.Clone(header), plain...)
	nonce := bytes.Repeat([]byte{7}, 16)
	sealed, err := r.Key.Seal(nil, secret, packet, nonce)
	if err != nil {
		panic(err) // more than fits a slice
	}
	body := binary.BigEndian.AppendUint16(nil, uint16(len(nonce)))
	body = binary.BigEndian.AppendUint16(body, uint16(len(sealed)))
	body = append(append(body, nonce...), sealed...)
	return append(packet, Field(authenticator, body)...)
}

// Field is one extension field.
func Field(kind uint16, body []byte) []byte {
	padded := make([]byte, (len(body)+3)&^3)
	copy(padded, body)
	f := binary.BigEndian.AppendUint16(nil, kind)
	f = binary.BigEndian.AppendUint16(f, uint16(4+len(padded)))
	return append(f, padded...)
}

// UniqueIDField is the field that carries a unique identifier.
func UniqueIDField(id []byte) []byte { return Field(uniqueID, id) }

// Record is one record of the key exchange.
func Record(kind uint16, body []byte) []byte {
	r := binary.BigEndian.AppendUint16(nil, kind)
	r = binary.BigEndian.AppendUint16(r, uint16(len(body)))
	return append(r, body...)
}

// Server is a running server.
type Server struct {
	listener  net.Listener
	ntp       *ntptest.Server
	behavior  atomic.Pointer[Behavior]
	exchanges atomic.Int64
	forged    atomic.Int64
	done      sync.WaitGroup
}

// Start serves on loopback until Close.
func Start(config *tls.Config, b Behavior) (*Server, error) {
	config = config.Clone()
	config.MinVersion = tls.VersionTLS13
	config.NextProtos = []string{"ntske/1"}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return nil, err
	}
	ntp, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Silent: true})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	s := &Server{listener: listener, ntp: ntp}
	s.Set(b)
	s.done.Go(s.serve)
	return s, nil
}

// Set changes what the server does from the next request on.
func (s *Server) Set(b Behavior) {
	s.behavior.Store(&b)
	ntp := b.NTP
	ntp.Edit = s.answer
	s.ntp.Set(ntp)
}

// KeyExchange is the address of the key exchange.
func (s *Server) KeyExchange() string { return s.listener.Addr().String() }

// NTP is the address of the NTP server.
func (s *Server) NTP() string { return s.ntp.Address() }

// Exchanges is how many key exchanges there were.
func (s *Server) Exchanges() int { return int(s.exchanges.Load()) }

// Requests is how many NTP requests there were, and Forged how many of them were not sealed.
func (s *Server) Requests() int { return s.ntp.Requests() }
func (s *Server) Forged() int   { return int(s.forged.Load()) }

// Close stops the server and waits for its goroutines.
func (s *Server) Close() error {
	err := errors.Join(s.listener.Close(), s.ntp.Close())
	s.done.Wait()
	return err
}

func (s *Server) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		s.done.Go(func() {
			defer conn.Close()
			// A test server: the deadline only ends a connection that nobody uses.
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			_ = s.exchange(conn.(*tls.Conn)) // a client that goes away is no concern of a server
		})
	}
}

func (s *Server) exchange(conn *tls.Conn) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	s.exchanges.Add(1)
	var head [4]byte
	for {
		if _, err := readFull(conn, head[:]); err != nil {
			return err
		}
		if _, err := readFull(conn, make([]byte, binary.BigEndian.Uint16(head[2:]))); err != nil {
			return err
		}
		if binary.BigEndian.Uint16(head[:])&0x7fff == 0 {
			break
		}
	}
	state := conn.ConnectionState()
	var keys []byte
	for direction := range 2 {
		key, err := state.ExportKeyingMaterial("EXPORTER-network-time-security", []byte{0, 0, 0, 15, byte(direction)}, aessiv.KeySize)
		if err != nil {
			return err
		}
		keys = append(keys, key...)
	}
	answer := s.records(keys)
	if b := s.behavior.Load(); b.Answer != nil {
		answer = b.Answer(answer)
	}
	_, err := conn.Write(answer)
	return err
}

func readFull(conn net.Conn, b []byte) (int, error) {
	for n := 0; n < len(b); {
		m, err := conn.Read(b[n:])
		if n += m; err != nil && n < len(b) {
			return n, err
		}
	}
	return len(b), nil
}

// records is a good answer of the key exchange.
func (s *Server) records(keys []byte) []byte {
	const critical = 1 << 15
	records := Record(critical|1, []byte{0, 0})
	records = append(records, Record(critical|4, []byte{0, 15})...)
	_, text, _ := net.SplitHostPort(s.ntp.Address())
	port, _ := strconv.ParseUint(text, 10, 16)
	records = append(records, Record(7, binary.BigEndian.AppendUint16(nil, uint16(port)))...)
	for range 8 {
		records = append(records, Record(5, keys)...)
	}
	return append(records, Record(critical, nil)...) // end of message
}

// answer turns the reply of the plain server into ours.
func (s *Server) answer(request, header []byte) [][]byte {
	b := s.behavior.Load()
	r, err := parse(request, header)
	if err != nil {
		s.forged.Add(1)
		return nil
	}
	if b.NoCookies {
		r.Cookies = nil
	}
	r.Packet = r.Seal(r.Header, UniqueIDField(r.UniqueID), r.Cookies)
	if b.Edit != nil {
		return b.Edit(r)
	}
	return [][]byte{r.Packet}
}

// parse takes a request apart and checks its seal.
func parse(request, header []byte) (Reply, error) {
	r := Reply{Request: bytes.Clone(request), Header: bytes.Clone(header)}
	var toServer *aessiv.AESSIV
	for at := headerSize; at+4 <= len(request); {
		kind, length := binary.BigEndian.Uint16(request[at:]), int(binary.BigEndian.Uint16(request[at+2:]))
		if length < 16 || at+length > len(request) {
			return r, fmt.Errorf("a field of %d bytes", length)
		}
		body := request[at+4 : at+length]
		switch kind {
		case uniqueID:
			r.UniqueID = bytes.Clone(body)
		case cookie, placeholder:
			if len(body) != cookieSize {
				return r, fmt.Errorf("a cookie of %d bytes", len(body))
			}
			if kind == cookie {
				toServer, _ = aessiv.NewAESSIV(body[:aessiv.KeySize])
				r.Key, _ = aessiv.NewAESSIV(body[aessiv.KeySize:])
				r.Cookies = append(r.Cookies, Field(cookie, body)...)
			} else {
				r.Cookies = append(r.Cookies, r.Cookies[:4+cookieSize]...)
			}
		case authenticator:
			if toServer == nil || len(body) != 36 {
				return r, errors.New("no cookie, or an authenticator of another size")
			}
			_, err := toServer.Open(nil, body[20:], request[:at], body[4:20])
			return r, err
		}
		at += length
	}
	return r, errors.New("no authenticator")
}
