package nts

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/facebook/time/ntp/protocol/nts/aessiv"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
)

// records joins records of a key exchange.
func records(all ...[]byte) []byte { return bytes.Join(all, nil) }

var (
	nextNTPv4 = ntstest.Record(critical|recordNextProtocol, []byte{0, 0})
	sivAEAD   = ntstest.Record(critical|recordAEAD, []byte{0, 15})
	oneCookie = ntstest.Record(recordCookie, make([]byte, 100))
	end       = ntstest.Record(critical|recordEnd, nil)
)

func TestAnswerOfTheKeyExchangeIsRead(t *testing.T) {
	from := bytes.NewReader(records(
		ntstest.Record(0x1234, []byte("not known, and not critical")), nextNTPv4, sivAEAD,
		ntstest.Record(recordServer, []byte("ntp2.example.net")), ntstest.Record(recordPort, []byte{0x04, 0xd2}),
		bytes.Repeat(oneCookie, 9), end, []byte("what follows is not read")))
	m, err := readMessage(from)
	require.NoError(t, err)
	require.Equal(t, "ntp2.example.net", m.server)
	require.EqualValues(t, 1234, m.port)
	require.Len(t, m.cookies, 8, "no more than are kept")
	require.Len(t, m.cookies[7], 100)
	require.Equal(t, len("what follows is not read"), from.Len())
}

func TestAnswerThatCannotBeUsedIsRefusedWithItsReason(t *testing.T) {
	good := records(nextNTPv4, sivAEAD, oneCookie)
	for name, c := range map[string]struct {
		answer []byte
		want   string
	}{
		"nothing":                {nil, "ends before the end-of-message record"},
		"half a head":            {[]byte{0x80}, "ends before"},
		"half a body":            {good[:len(good)-1], "ends before"},
		"no end":                 {good, "ends before"},
		"end with a body":        {records(good, ntstest.Record(critical|recordEnd, []byte{1})), "end-of-message record has a body"},
		"no protocol":            {records(sivAEAD, oneCookie, end), "no next protocol"},
		"no algorithm":           {records(nextNTPv4, oneCookie, end), "no AEAD algorithm"},
		"no cookie":              {records(nextNTPv4, sivAEAD, end), "no cookie"},
		"protocols none":         {records(ntstest.Record(critical|recordNextProtocol, nil), sivAEAD, oneCookie, end), "does not offer NTPv4"},
		"another protocol":       {records(ntstest.Record(critical|recordNextProtocol, []byte{0, 1}), sivAEAD, oneCookie, end), "does not offer NTPv4"},
		"two protocols":          {records(ntstest.Record(critical|recordNextProtocol, []byte{0, 0, 0, 1}), sivAEAD, oneCookie, end), "does not offer NTPv4"},
		"protocol twice":         {records(nextNTPv4, good, end), "two next protocol records"},
		"algorithms none":        {records(nextNTPv4, ntstest.Record(critical|recordAEAD, nil), oneCookie, end), "does not offer AEAD_AES_SIV_CMAC_256"},
		"an algorithm not asked": {records(nextNTPv4, ntstest.Record(critical|recordAEAD, []byte{0, 30}), oneCookie, end), "does not offer AEAD_AES_SIV_CMAC_256"},
		"error 0":                {records(ntstest.Record(critical|recordError, []byte{0, 0})), "error 0, it does not know a critical record"},
		"error 1":                {records(ntstest.Record(critical|recordError, []byte{0, 1})), "error 1, it takes our request for a bad one"},
		"error 2":                {records(good, ntstest.Record(critical|recordError, []byte{0, 2}), end), "error 2, it has an internal error"},
		"error 700":              {records(ntstest.Record(critical|recordError, []byte{2, 0xbc})), "answers with error 700"},
		"error without a number": {records(ntstest.Record(critical|recordError, nil)), "error without a number"},
		"warning":                {records(good, ntstest.Record(critical|recordWarning, []byte{0, 9}), end), "warning 9"},
		"unknown and critical":   {records(good, ntstest.Record(critical|77, nil), end), "critical record of type 77"},
		"empty cookie":           {records(good, ntstest.Record(recordCookie, nil), end), "cookie of 0 bytes"},
		"cookie of 101 bytes":    {records(good, ntstest.Record(recordCookie, make([]byte, 101)), end), "cookie of 101 bytes"},
		"huge cookie":            {records(good, ntstest.Record(recordCookie, make([]byte, 1028)), end), "cookie of 1028 bytes"},
		"empty server":           {records(good, ntstest.Record(recordServer, nil), end), "neither a host name nor an address"},
		"server with a newline":  {records(good, ntstest.Record(recordServer, []byte("a\nb")), end), "neither a host name nor an address"},
		"long server":            {records(good, ntstest.Record(recordServer, bytes.Repeat([]byte("a"), 256)), end), "neither a host name nor an address"},
		"server twice":           {records(good, ntstest.Record(recordServer, []byte("a")), ntstest.Record(recordServer, []byte("b")), end), "two server records"},
		"port 0":                 {records(good, ntstest.Record(recordPort, []byte{0, 0}), end), "port that it names is none"},
		"port of 3 bytes":        {records(good, ntstest.Record(recordPort, []byte{0, 0, 1}), end), "port that it names is none"},
		"port twice":             {records(good, ntstest.Record(recordPort, []byte{0, 1}), ntstest.Record(recordPort, []byte{0, 1}), end), "two port records"},
		"too long":               {records(good, bytes.Repeat(ntstest.Record(99, make([]byte, 8000)), 3), end), "longer than 16384 bytes"},
		"one huge record":        {ntstest.Record(99, make([]byte, 65535)), "longer than 16384 bytes"},
		"too many records":       {records(good, bytes.Repeat(ntstest.Record(99, nil), 200), end), "more than 128 records"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readMessage(bytes.NewReader(c.answer))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// newAssociation has keys that are all ones and all twos, and cookies of 100 bytes.
func newAssociation(t testing.TB, cookies int) *Association {
	t.Helper()
	a := &Association{}
	var err error
	a.toServer, err = aessiv.NewAESSIV(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	a.fromServer, err = aessiv.NewAESSIV(bytes.Repeat([]byte{2}, 32))
	require.NoError(t, err)
	for i := range cookies {
		a.cookies = append(a.cookies, bytes.Repeat([]byte{byte(i)}, 100))
	}
	return a
}

func TestRequestAsksForAsManyCookiesAsAreMissing(t *testing.T) {
	for have, want := range map[int]int{8: 0, 7: 1, 2: 6, 1: 7} {
		a := newAssociation(t, have)
		r, ok := a.Request()
		require.True(t, ok)
		require.Equal(t, have-1, a.Cookies(), "one is spent")
		packet, err := r.Seal(make([]byte, headerSize))
		require.NoError(t, err)
		require.LessOrEqual(t, len(packet), packetMax)

		var kinds []uint16
		var uniqueID []byte
		for f, err := range extension.Fields(packet, headerSize, extension.Smallest) {
			require.NoError(t, err)
			kinds = append(kinds, f.Kind)
			switch f.Kind {
			case fieldUniqueID:
				uniqueID = f.Body
			case fieldCookie:
				require.Equal(t, bytes.Repeat([]byte{0}, 100), f.Body, "the oldest")
			case fieldPlaceholder:
				require.Len(t, f.Body, 100, "as long as a cookie")
			case fieldAuthenticator:
				s, err := parseSealed(f.Body)
				require.NoError(t, err)
				require.Len(t, s.nonce, 16)
				_, err = a.toServer.Open(nil, s.ciphertext, packet[:f.At], s.nonce)
				require.NoError(t, err)
			}
		}
		expected := []uint16{fieldUniqueID, fieldCookie}
		for range want {
			expected = append(expected, fieldPlaceholder)
		}
		require.Equal(t, append(expected, fieldAuthenticator), kinds)
		require.Len(t, uniqueID, 32)
		require.NotEqual(t, make([]byte, 32), uniqueID)
	}
	_, ok := newAssociation(t, 0).Request()
	require.False(t, ok)
}

// A request longer than the smallest MTU could be cut up, and fragments be lost or forged.
func TestLargeCookiesAreAskedForInFewerPlaceholders(t *testing.T) {
	a := newAssociation(t, 0)
	a.cookies = [][]byte{make([]byte, 400)}
	r, _ := a.Request()
	packet, err := r.Seal(make([]byte, headerSize))
	require.NoError(t, err)
	require.LessOrEqual(t, len(packet), packetMax)
	require.Greater(t, len(packet), 2*400, "one placeholder fits")

	a.cookies = [][]byte{make([]byte, cookieMax)}
	r, _ = a.Request()
	packet, err = r.Seal(make([]byte, headerSize))
	require.NoError(t, err)
	require.LessOrEqual(t, len(packet), packetMax, "the largest")
}

// sealReply is what a server answers.
func sealReply(r *Request, key *aessiv.AESSIV, plain, secret []byte) []byte {
	return ntstest.Reply{Key: key}.Seal(make([]byte, headerSize), plain, secret)
}

func TestGenuineReplyRefillsToEightCookies(t *testing.T) {
	a := newAssociation(t, 3)
	r, _ := a.Request()
	secret := bytes.Repeat(ntstest.Field(fieldCookie, make([]byte, 100)), 9)
	secret = append(secret, ntstest.Field(0x7777, make([]byte, 20))...)
	reply := sealReply(r, a.fromServer, ntstest.UniqueIDField(r.uniqueID[:]), secret)
	before := bytes.Clone(reply)
	require.NoError(t, r.Open(reply))
	require.Equal(t, before, reply, "the datagram is not changed")
	require.Equal(t, 8, a.Cookies())

	// What follows the authenticator is nobody's, and ignored.
	r, _ = a.Request()
	reply = sealReply(r, a.fromServer, ntstest.UniqueIDField(r.uniqueID[:]), nil)
	require.NoError(t, r.Open(append(reply, ntstest.Field(fieldCookie, make([]byte, 100))...)))
	require.Equal(t, 7, a.Cookies())
}

func TestEveryFlippedBitOfAReplyIsNoticed(t *testing.T) {
	a := newAssociation(t, 8)
	r, _ := a.Request()
	reply := sealReply(r, a.fromServer, ntstest.UniqueIDField(r.uniqueID[:]), ntstest.Field(fieldCookie, make([]byte, 100)))
	require.Equal(t, 7, a.Cookies())
	for i := range 8 * len(reply) {
		forged := bytes.Clone(reply)
		forged[i/8] ^= 1 << (i % 8)
		require.Error(t, r.Open(forged), "bit %d of byte %d", i%8, i/8)
	}
	require.Equal(t, 7, a.Cookies(), "and brings no cookie")
	require.NoError(t, r.Open(reply))
}

func TestReplyThatIsNotGenuineIsRefused(t *testing.T) {
	a := newAssociation(t, 8)
	r, _ := a.Request()
	own := ntstest.UniqueIDField(r.uniqueID[:])
	other := ntstest.UniqueIDField(make([]byte, 32))
	header := make([]byte, headerSize)
	nak := bytes.Clone(header)
	copy(nak[12:], "NTSN")
	notKiss := bytes.Clone(nak)
	notKiss[1] = 1
	for name, c := range map[string]struct {
		reply []byte
		want  error
	}{
		"too short":                  {header[:47], extension.ErrMalformed},
		"plain NTP":                  {header, ErrNotProtected},
		"stripped":                   {append(bytes.Clone(header), own...), ErrNotProtected},
		"another key":                {sealReply(r, a.toServer, own, nil), ErrForged},
		"another identifier":         {sealReply(r, a.fromServer, other, nil), ErrUniqueID},
		"no identifier":              {sealReply(r, a.fromServer, nil, nil), ErrUniqueID},
		"a second identifier":        {sealReply(r, a.fromServer, append(bytes.Clone(own), own...), nil), ErrUniqueID},
		"identifier cut short":       {sealReply(r, a.fromServer, ntstest.UniqueIDField(r.uniqueID[:16]), nil), ErrUniqueID},
		"NAK":                        {append(bytes.Clone(nak), own...), ErrNAK},
		"NAK of another":             {append(bytes.Clone(nak), other...), ErrUniqueID},
		"NAK without identifier":     {nak, ErrNotProtected},
		"not quite a kiss":           {append(bytes.Clone(notKiss), own...), ErrNotProtected},
		"a field of 4 bytes":         {append(bytes.Clone(header), ntstest.Field(1, nil)...), extension.ErrMalformed},
		"a field that is too long":   {append(append(bytes.Clone(header), own...), 4, 4, 0, 200), extension.ErrMalformed},
		"a field of 18 bytes":        {append(append(bytes.Clone(header), own...), append([]byte{0, 1, 0, 18}, make([]byte, 14)...)...), extension.ErrMalformed},
		"two bytes":                  {append(append(bytes.Clone(header), own...), 4, 4), extension.ErrMalformed},
		"authenticator without body": {append(append(bytes.Clone(header), own...), ntstest.Field(fieldAuthenticator, make([]byte, 12))...), extension.ErrMalformed},
		"secret fields malformed":    {sealReply(r, a.fromServer, own, []byte{2, 4, 0, 3}), extension.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, r.Open(c.reply), c.want)
		})
	}
	require.Equal(t, 7, a.Cookies())
}

// An empty nonce and a ciphertext without its tag are refused before any arithmetic on them.
func TestAuthenticatorWhoseLengthsLieIsRefused(t *testing.T) {
	for _, lengths := range [][2]uint16{{0, 16}, {16, 15}, {16, 17}, {65535, 65535}, {17, 16}, {16, 65535}, {65535, 16}} {
		body := binary.BigEndian.AppendUint16(nil, lengths[0])
		body = binary.BigEndian.AppendUint16(body, lengths[1])
		_, err := parseSealed(append(body, make([]byte, 32)...))
		require.ErrorIs(t, err, extension.ErrMalformed, "%v", lengths)
	}
}
