package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	// Size is that of every datagram.
	Size = 1200

	// MaxName is the longest name of a machine, in bytes.
	MaxName = 64

	// MaxMachines is the largest fleet.
	MaxMachines = math.MaxUint16

	version = 1

	kindRequest = 1
	kindReply   = 2

	flagAnswer   = 1
	flagComplete = 2

	atKind     = 5
	atFlags    = 6
	atCount    = 7
	atNonce    = 8
	atRun      = 24
	atInterval = 32
	atMachines = 48
	atPlace    = 52
	atSender   = 60
	atReceiver = atSender + 1 + MaxName
	atEdges    = atReceiver + 1 + MaxName
	atCode     = Size - sha256.Size

	edgeSize = 8 + 8 + 8 + 2
)

// Nonce is the random number of a request.
type Nonce [16]byte

// Message is a request or a reply. A request has no interval and no edges.
type Message struct {
	IsReply          bool
	Nonce            Nonce
	Place            fleet.Place // where the request was sent to; a reply repeats it
	From, To         string      // To is empty in a request to whoever is there
	Run              fleet.Run
	Interval         truetime.Interval // the zero value if the clock has no answer
	Machines, Faulty int
	Edges            []fleet.Edge
	Complete         bool // the edges are all that the sender has
}

// Why a datagram is not believed.
var (
	ErrForeign = errors.New("it is not of this protocol")
	ErrVersion = errors.New("it is of another version of the protocol")
	ErrKey     = errors.New("it was signed with another key")
	ErrForm    = errors.New("it has not the form of a message")
)

// Seal writes a message. Of its edges those are left out, and Complete with them, that have no room.
func (k Key) Seal(m Message) ([]byte, error) {
	b, err := encode(m)
	if err != nil {
		return nil, err
	}
	return k.sign(b), nil
}

func (k Key) sign(b []byte) []byte {
	code := hmac.New(sha256.New, k.secret)
	code.Write(b[:atCode])
	return code.Sum(b[:atCode])
}

// Open reads a message that was signed with the key.
func (k Key) Open(b []byte) (Message, error) {
	switch {
	case len(b) != Size || string(b[:4]) != "EPSF":
		return Message{}, ErrForeign
	case b[4] != version:
		return Message{}, ErrVersion
	}
	code := hmac.New(sha256.New, k.secret)
	code.Write(b[:atCode])
	if !hmac.Equal(code.Sum(nil), b[atCode:]) {
		return Message{}, ErrKey
	}
	return decode(b)
}

// ReplyTo returns the random number of a datagram that says it is a reply. Nobody has vouched for it yet.
func ReplyTo(b []byte) (nonce Nonce, isReply bool) {
	if len(b) != Size || b[atKind] != kindReply {
		return nonce, false
	}
	return Nonce(b[atNonce:atRun]), true
}

func encode(m Message) ([]byte, error) {
	b := make([]byte, Size)
	copy(b, "EPSF")
	b[4], b[atKind] = version, kindRequest
	copy(b[atNonce:], m.Nonce[:])
	binary.BigEndian.PutUint64(b[atRun:], uint64(m.Run))
	binary.BigEndian.PutUint64(b[atPlace:], uint64(m.Place))
	if !putName(b[atSender:], m.From) || m.To != "" && !putName(b[atReceiver:], m.To) {
		return nil, fmt.Errorf("a message from %.80q to %.80q: these are no names", m.From, m.To)
	}
	if m.Machines < 0 || m.Machines > MaxMachines || m.Faulty < 0 || m.Faulty > MaxMachines {
		return nil, fmt.Errorf("a fleet of %d machines, %d of which may be wrong, has no form: at most %d", m.Machines, m.Faulty, MaxMachines)
	}
	binary.BigEndian.PutUint16(b[atMachines:], uint16(m.Machines))
	binary.BigEndian.PutUint16(b[atMachines+2:], uint16(m.Faulty))
	if !m.IsReply {
		return b, nil
	}
	b[atKind] = kindReply
	if m.Interval.Valid() {
		b[atFlags] |= flagAnswer
		binary.BigEndian.PutUint64(b[atInterval:], uint64(m.Interval.Earliest))
		binary.BigEndian.PutUint64(b[atInterval+8:], uint64(m.Interval.Latest))
	}
	count, complete := putEdges(b[atEdges:atCode], m.Edges)
	b[atCount] = byte(count)
	if m.Complete && complete {
		b[atFlags] |= flagComplete
	}
	return b, nil
}

// putEdges writes as many edges as have room.
func putEdges(b []byte, edges []fleet.Edge) (count int, all bool) {
	for _, e := range edges {
		age := (max(e.Age, 0) + time.Second - 1) / time.Second
		if len(b) < edgeSize || age > math.MaxUint16 {
			return count, false
		}
		binary.BigEndian.PutUint64(b, uint64(e.Machine))
		binary.BigEndian.PutUint64(b[8:], uint64(e.Run))
		binary.BigEndian.PutUint64(b[16:], uint64(e.Gap))
		binary.BigEndian.PutUint16(b[24:], uint16(age))
		b = b[edgeSize:]
		count++
	}
	return count, true
}

// decode reads what encode has written, and nothing else.
func decode(b []byte) (m Message, err error) {
	m.IsReply = b[atKind] == kindReply
	m.Nonce = Nonce(b[atNonce:atRun])
	m.Run = fleet.Run(binary.BigEndian.Uint64(b[atRun:]))
	m.Place = fleet.Place(binary.BigEndian.Uint64(b[atPlace:]))
	m.Machines, m.Faulty = int(binary.BigEndian.Uint16(b[atMachines:])), int(binary.BigEndian.Uint16(b[atMachines+2:]))
	var from, to bool
	m.From, from = name(b[atSender:atReceiver])
	m.To, to = name(b[atReceiver:atEdges])
	anybody := !m.IsReply && bytes.Equal(b[atReceiver:atEdges], make([]byte, 1+MaxName))
	if !from || !to && !anybody {
		return Message{}, ErrForm
	}
	flags := b[atFlags]
	m.Complete = flags&flagComplete != 0
	if flags&flagAnswer != 0 {
		m.Interval.Earliest = truetime.Time(binary.BigEndian.Uint64(b[atInterval:]))
		m.Interval.Latest = truetime.Time(binary.BigEndian.Uint64(b[atInterval+8:]))
	}
	rest := b[atEdges:atCode]
	if int(b[atCount]) > len(rest)/edgeSize {
		return Message{}, ErrForm
	}
	for range b[atCount] {
		m.Edges = append(m.Edges, fleet.Edge{
			Machine: fleet.Place(binary.BigEndian.Uint64(rest)),
			Run:     fleet.Run(binary.BigEndian.Uint64(rest[8:])),
			Gap:     time.Duration(binary.BigEndian.Uint64(rest[16:])),
			Age:     time.Duration(binary.BigEndian.Uint16(rest[24:])) * time.Second,
		})
		rest = rest[edgeSize:]
	}
	// There is one form for a message. All that is left over is zero then, and a request has nothing that is a reply's.
	again, err := encode(m)
	if err != nil || !bytes.Equal(again[:atCode], b[:atCode]) {
		return Message{}, ErrForm
	}
	return m, nil
}

func putName(b []byte, name string) bool {
	b[0] = byte(len(name))
	copy(b[1:], name)
	return ValidName(name)
}

func name(b []byte) (string, bool) {
	if b[0] > MaxName {
		return "", false
	}
	s := string(b[1 : 1+b[0]])
	return s, ValidName(s)
}

// ValidName reports whether a machine can have a name: 1 to 64 letters in lower case, digits, dots, hyphens and underscores.
func ValidName(s string) bool {
	return 0 < len(s) && len(s) <= MaxName && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_", r)
	})
}
