package nts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A message of the key exchange is a series of records: a critical bit and a type of 15 bits, the
// length of the body in 16 bits, and the body (RFC 8915 section 4, figure 3).
const (
	recordEnd          = 0 // section 4.1.1
	recordNextProtocol = 1 // section 4.1.2
	recordError        = 2 // section 4.1.3
	recordWarning      = 3 // section 4.1.4
	recordAEAD         = 4 // section 4.1.5
	recordCookie       = 5 // section 4.1.6
	recordServer       = 6 // section 4.1.7
	recordPort         = 7 // section 4.1.8

	critical = 1 << 15

	protocolNTPv4 = 0
	aeadSIV256    = 15 // AEAD_AES_SIV_CMAC_256, which every server must have (section 5.1)
)

const (
	maxMessage = 16 << 10 // bytes; eight cookies of usual size are less than 2 KiB
	maxRecords = 128
	maxServer  = 255 // a host name (RFC 1035 section 2.3.4) or an address
)

// request is the one message that the client sends: NTPv4, under the one algorithm that we have.
var request = [...]byte{
	critical >> 8, recordNextProtocol, 0, 2, 0, protocolNTPv4,
	critical >> 8, recordAEAD, 0, 2, 0, aeadSIV256,
	critical >> 8, recordEnd, 0, 0,
}

// message is what the server's answer says.
type message struct {
	cookies [][]byte
	server  string // empty if it is the server that we talk to
	port    uint16 // 0 if it is the usual one
}

// messageReader collects the records of one answer.
type messageReader struct {
	message
	protocol, aead, hasServer, hasPort bool
}

// readMessage reads the server's answer up to its end, and no further.
func readMessage(from io.Reader) (message, error) {
	var m messageReader
	left := maxMessage
	for range maxRecords {
		var head [4]byte
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return message{}, cutOff(err)
		}
		kind, length := binary.BigEndian.Uint16(head[:]), int(binary.BigEndian.Uint16(head[2:]))
		if left -= len(head) + length; left < 0 {
			return message{}, fmt.Errorf("its message is longer than %d bytes", maxMessage)
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(from, body); err != nil {
			return message{}, cutOff(err)
		}
		if kind&^critical == recordEnd {
			if length != 0 {
				return message{}, errors.New("its end-of-message record has a body")
			}
			return m.complete()
		}
		if err := m.take(kind&^critical, kind&critical != 0, body); err != nil {
			return message{}, err
		}
	}
	return message{}, fmt.Errorf("its message has more than %d records", maxRecords)
}

// cutOff says that the message ended before its end; other errors are the connection's.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("its message ends before the end-of-message record")
	}
	return err
}

// take reads one record.
func (m *messageReader) take(kind uint16, isCritical bool, body []byte) error {
	switch kind {
	case recordNextProtocol:
		return once(&m.protocol, "next protocol", number(body, protocolNTPv4), "it does not offer NTPv4")
	case recordAEAD:
		return once(&m.aead, "AEAD algorithm", number(body, aeadSIV256), "it does not offer AEAD_AES_SIV_CMAC_256")
	case recordError:
		return errorRecord(body)
	case recordWarning:
		// None is defined, and one that is not known is to be treated as an error (section 4.1.4).
		return fmt.Errorf("it sends warning %s, which this client does not know", code(body))
	case recordCookie:
		if !usableCookie(body) {
			return fmt.Errorf("it sends a cookie of %d bytes, which does not fit an extension field", len(body))
		}
		if len(m.cookies) < cookiesMax {
			m.cookies = append(m.cookies, body)
		}
	case recordServer:
		m.server = string(body)
		return once(&m.hasServer, "server", isPrintable(body), "the server that it names is neither a host name nor an address")
	case recordPort:
		valid := len(body) == 2 && binary.BigEndian.Uint16(body) != 0
		if valid {
			m.port = binary.BigEndian.Uint16(body)
		}
		return once(&m.hasPort, "port", valid, "the port that it names is none")
	default:
		if isCritical {
			return fmt.Errorf("it sends a critical record of type %d, which this client does not know", kind)
		}
	}
	return nil
}

// once notes a record that may come only once, and must be valid.
func once(seen *bool, name string, valid bool, otherwise string) error {
	switch {
	case *seen:
		return fmt.Errorf("it sends two %s records", name)
	case !valid:
		return errors.New(otherwise)
	}
	*seen = true
	return nil
}

// number reports whether the body is the one number that was offered: a server may not choose
// another (sections 4.1.2 and 4.1.5), and chooses none at all by an empty body.
func number(body []byte, offered uint16) bool {
	return len(body) == 2 && binary.BigEndian.Uint16(body) == offered
}

func isPrintable(body []byte) bool {
	for _, b := range body {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return len(body) > 0 && len(body) <= maxServer
}

func errorRecord(body []byte) error {
	meaning := ""
	if len(body) == 2 {
		switch binary.BigEndian.Uint16(body) {
		case 0:
			meaning = ", it does not know a critical record of ours"
		case 1:
			meaning = ", it takes our request for a bad one"
		case 2:
			meaning = ", it has an internal error"
		}
	}
	return fmt.Errorf("it answers with error %s%s", code(body), meaning)
}

// code is the number in an error or warning record, for a message.
func code(body []byte) string {
	if len(body) != 2 {
		return "without a number"
	}
	return fmt.Sprint(binary.BigEndian.Uint16(body))
}

// complete checks that nothing is missing.
func (m *messageReader) complete() (message, error) {
	switch {
	case !m.protocol:
		return message{}, errors.New("its message names no next protocol")
	case !m.aead:
		return message{}, errors.New("its message names no AEAD algorithm")
	case len(m.cookies) == 0:
		return message{}, errors.New("its message has no cookie")
	}
	return m.message, nil
}
