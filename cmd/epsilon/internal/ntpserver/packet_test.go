package ntpserver

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestReplyHasTheLayoutOfRFC5905(t *testing.T) {
	i := truetime.Interval{Earliest: 1_000_000_000, Latest: 1_000_000_000 + truetime.Time(500*time.Millisecond)}
	c, ok := newClaim(i, i)
	require.True(t, ok)
	h := newHeader(reference{stratum: 3, id: [4]byte{192, 0, 2, 7}, corrected: 0x83aa7e80_00000001}, c.dispersion)
	var b [messageSize]byte
	h.reply(&b, request{version: 3, poll: 0xfa, transmit: 0x0123456789abcdef}, c.received(125*time.Millisecond), c.transmitted)
	require.Equal(t, strings.Join([]string{
		"1c" + "03" + "fa" + "e7", // leap 0, version 3, mode 4; stratum; poll; precision
		"00000000",                // root delay
		"00004001",                // 250 ms and 1 ns, rounded up to 2⁻¹⁶ s
		"c0000207",
		"83aa7e8000000001",
		"0123456789abcdef",
		"83aa7e8120000000", // 1 s + 250 ms − 125 ms
		"83aa7e8140000000", // 1 s + 250 ms
	}, ""), hex.EncodeToString(b[:]))
}

func TestReplyWithoutATimeTellsNone(t *testing.T) {
	for code, h := range map[string]header{"INIT": unsynchronizedHeader, "RATE": rateHeader} {
		var b [messageSize]byte
		h.kiss(&b, request{version: 4, poll: 6, transmit: 0x0123456789abcdef})
		require.Equal(t, byte(3<<6|4<<3|4), b[0])
		require.Zero(t, b[1], "stratum 16 is sent as 0")
		require.Equal(t, code, string(b[12:16]))
		for _, at := range []int{24, 32, 40} {
			require.Equal(t, "0123456789abcdef", hex.EncodeToString(b[at:at+8]), "the client's own stamp at %d", at)
		}
		require.Equal(t, make([]byte, 8), b[16:24])
	}
}

func TestOnlyClientsOfVersions3And4AreAnswered(t *testing.T) {
	for version := range byte(8) {
		for mode := range byte(8) {
			b := make([]byte, messageSize)
			b[0] = 3<<6 | version<<3 | mode // a client that is not synchronized says so
			want := answered
			switch {
			case mode != 3:
				want = NotAClient
			case version != 3 && version != 4:
				want = UnknownVersion
			}
			_, got := parse(b)
			require.Equal(t, want, got, "version %d, mode %d", version, mode)
			_, got = parse(b[:messageSize-1])
			require.Equal(t, TooShort, got)
		}
	}
	_, got := parse(nil)
	require.Equal(t, TooShort, got)
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		require.NotEmpty(t, r.String())
		require.False(t, seen[r.Label()])
		require.NotContains(t, r.Label(), " ")
		seen[r.Label()] = true
	}
	require.Len(t, seen, int(reasons))
}
