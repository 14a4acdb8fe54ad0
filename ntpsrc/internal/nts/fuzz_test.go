package nts

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
)

// allocated is how many bytes a call allocates.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const allocationMax = 64 << 10

// FuzzRecords reads arbitrary bytes as the answer of a key exchange.
func FuzzRecords(f *testing.F) {
	good := records(nextNTPv4, sivAEAD, ntstest.Record(recordServer, []byte("ntp2.example.net")), ntstest.Record(recordPort, []byte{0, 123}), bytes.Repeat(oneCookie, 8), end)
	f.Add(good)
	f.Add(good[:len(good)-5])
	f.Add([]byte{})
	f.Add(ntstest.Record(99, make([]byte, 65535)))
	f.Add(bytes.Repeat(ntstest.Record(99, nil), 200))
	f.Add(records(nextNTPv4, ntstest.Record(critical|recordError, []byte{0, 1})))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var m message
		var err error
		if used := allocated(func() { m, err = readMessage(bytes.NewReader(answer)) }); used > allocationMax {
			t.Fatalf("%d bytes allocated for an answer of %d", used, len(answer))
		}
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") || err == io.EOF {
				t.Fatalf("the error is no sentence: %q", err)
			}
			return
		}
		if len(m.cookies) == 0 || len(m.cookies) > cookiesMax {
			t.Fatalf("%d cookies", len(m.cookies))
		}
		for _, c := range m.cookies {
			if !usableCookie(c) {
				t.Fatalf("a cookie of %d bytes", len(c))
			}
		}
	})
}

// FuzzFields opens arbitrary bytes as what follows the header of a reply: as they are, after the
// right identifier, and with the right seal around them, in which case they are arbitrary to the
// very last layer.
func FuzzFields(f *testing.F) {
	field := ntstest.Field(fieldCookie, make([]byte, 100))
	f.Add(field, uint8(2))
	f.Add([]byte{}, uint8(1))
	f.Add([]byte{2, 4, 0, 3}, uint8(2))
	f.Add([]byte{4, 4, 0, 4}, uint8(1))
	f.Add(ntstest.Field(fieldAuthenticator, []byte{0, 16, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}), uint8(0))
	f.Add(bytes.Repeat(field, 70), uint8(2))
	f.Add(ntstest.Field(fieldAuthenticator, append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 60)...)), uint8(1))
	f.Fuzz(func(t *testing.T, arbitrary []byte, layer uint8) {
		if len(arbitrary) > 8000 {
			arbitrary = arbitrary[:8000] // a datagram is cut to the size of the buffer
		}
		a := newAssociation(t, 3)
		r := &Request{association: a} // with an identifier of zeros: the same input takes the same path
		reply := make([]byte, headerSize)
		switch layer % 3 {
		case 0:
			reply = append(reply, arbitrary...)
		case 1:
			reply = append(append(reply, ntstest.UniqueIDField(r.uniqueID[:])...), arbitrary...)
		case 2:
			reply = sealReply(r, a.fromServer, ntstest.UniqueIDField(r.uniqueID[:]), arbitrary)
		}
		var err error
		if used := allocated(func() { err = r.Open(reply) }); used > allocationMax {
			t.Fatalf("%d bytes allocated for a reply of %d", used, len(reply))
		}
		if layer%3 != 2 && err == nil {
			t.Fatal("a forged reply is taken for genuine")
		}
		if err != nil && a.Cookies() != 3 || a.Cookies() > cookiesMax {
			t.Fatalf("%d cookies after %v", a.Cookies(), err)
		}
	})
}
