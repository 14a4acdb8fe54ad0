package testbed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"time"
)

// exchange is one question to an NTP server and its answer, between two readings of the truth. It
// is decoded here, byte by byte, and not by the code that the tests are there to examine.
type exchange struct {
	before, after     int64 // Realtime before the request was sent and after the reply was received
	receive, transmit int64 // the server's stamps T2 and T3, in nanoseconds since the Unix epoch
	leap, mode        uint8
	stratum           uint8
	rootDelay         time.Duration
	rootDispersion    time.Duration
	precision         time.Duration
}

const (
	packetLength   = 48         // RFC 5905 section 7.3, without extensions
	clientRequest  = 4<<3 | 3   // LI 0, version 4, mode 3
	serverMode     = 4          // RFC 5905 figure 10
	leapUnknown    = 3          // RFC 5905 figure 9: the server is not synchronised
	stratumLast    = 15         // RFC 5905 figure 11: 0 is a kiss-o'-death, 16 not synchronised
	unixEpochInNTP = 2208988800 // seconds from 1900 to 1970
	exchangeLimit  = 100 * time.Millisecond
)

// ask makes one exchange with the server at address. It waits no longer than limit.
func ask(address string, limit time.Duration) (exchange, error) {
	conn, err := net.Dial("udp4", address)
	if err != nil {
		return exchange{}, fmt.Errorf("open a socket to %s: %w", address, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return exchange{}, fmt.Errorf("limit the exchange with %s: %w", address, err)
	}

	var e exchange
	request := make([]byte, packetLength)
	request[0] = clientRequest
	e.before = Realtime()
	// The transmit timestamp comes back as the origin timestamp. Any unique number will do.
	binary.BigEndian.PutUint64(request[40:], uint64(e.before))
	if _, err := conn.Write(request); err != nil {
		return exchange{}, fmt.Errorf("send to %s: %w", address, err)
	}
	reply := make([]byte, packetLength)
	n, err := conn.Read(reply)
	e.after = Realtime()
	if err != nil {
		return exchange{}, fmt.Errorf("no reply from %s: %w", address, err)
	}
	if n < packetLength || binary.BigEndian.Uint64(reply[24:]) != uint64(e.before) {
		return exchange{}, fmt.Errorf("%s sent %d bytes that do not answer the request", address, n)
	}

	e.leap, e.mode, e.stratum = reply[0]>>6, reply[0]&7, reply[1]
	e.precision = time.Duration(math.Ceil(math.Ldexp(float64(time.Second), int(int8(reply[3])))))
	e.rootDelay = shortDuration(reply[4:])
	e.rootDispersion = shortDuration(reply[8:])
	e.receive = unixNanoseconds(reply[32:])
	e.transmit = unixNanoseconds(reply[40:])
	if binary.BigEndian.Uint64(reply[40:]) == 0 {
		return exchange{}, fmt.Errorf("%s sent no transmit timestamp", address)
	}
	return e, nil
}

// usable says why a client may not use the reply, or returns nil.
func (e exchange) usable() error {
	if e.mode != serverMode {
		return fmt.Errorf("the reply has mode %d, not %d", e.mode, serverMode)
	}
	if e.leap == leapUnknown {
		return errors.New("the server says that it is not synchronised (leap indicator 3)")
	}
	if e.stratum < 1 || e.stratum > stratumLast {
		return fmt.Errorf("the reply has stratum %d, not 1..%d", e.stratum, stratumLast)
	}
	return nil
}

// offsetOf returns between which values the error of one of the two stamps lies, as it was made
// between before and after.
func (e exchange) offsetOf(stamp int64) (lower, upper time.Duration) {
	return time.Duration(stamp - e.after), time.Duration(stamp - e.before)
}

// offset returns between which values the error of both stamps lies, if it is the same. The time
// between the two, which a busy server takes to answer, is no part of what is unknown.
func (e exchange) offset() (lower, upper time.Duration) {
	return time.Duration(e.transmit - e.after), time.Duration(e.receive - e.before)
}

// claim returns how wrong the server says that its stamps may be.
func (e exchange) claim() time.Duration {
	return e.rootDelay/2 + e.rootDispersion + e.precision
}

func (e exchange) String() string {
	receiveLower, receiveUpper := e.offsetOf(e.receive)
	transmitLower, transmitUpper := e.offsetOf(e.transmit)
	return fmt.Sprintf("stratum %d, T2 wrong by %v to %v, T3 wrong by %v to %v, root delay %v, root dispersion %v, precision %v",
		e.stratum, receiveLower, receiveUpper, transmitLower, transmitUpper, e.rootDelay, e.rootDispersion, e.precision)
}

// unixNanoseconds decodes an NTP timestamp, rounding down. The era is the one in which the number
// lies between 1968 and 2104 (RFC 4330 section 3).
func unixNanoseconds(field []byte) int64 {
	seconds := int64(binary.BigEndian.Uint32(field))
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	fraction := uint64(binary.BigEndian.Uint32(field[4:]))
	return (seconds-unixEpochInNTP)*int64(time.Second) + int64(fraction*uint64(time.Second)>>32)
}

// shortDuration decodes a number of 2⁻¹⁶ s (RFC 5905 section 6), rounding up.
func shortDuration(field []byte) time.Duration {
	units := uint64(binary.BigEndian.Uint32(field))
	return time.Duration((units*uint64(time.Second) + 1<<16 - 1) >> 16)
}
