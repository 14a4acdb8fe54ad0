package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/truetime"
)

func key(t testing.TB, digit string) Key {
	k, err := ParseKey(strings.Repeat(digit, 64) + "\n")
	require.NoError(t, err)
	return k
}

var (
	request = Message{Nonce: Nonce{1, 2, 3}, Place: 77, From: "a.example", Run: 7, Machines: 4, Faulty: 1}
	reply   = Message{IsReply: true, Nonce: Nonce{1, 2, 3}, Place: 77, From: "b", To: "a.example", Run: 8, Interval: truetime.Interval{Earliest: -5, Latest: 9},
		Machines: 4, Faulty: 1, Edges: []fleet.Edge{{Machine: 1 << 63, Run: 9, Gap: -time.Second, Age: 3 * time.Second}, {Machine: 5, Run: 10, Gap: 1}}, Complete: true}
)

func TestMessagesSurviveTheWay(t *testing.T) {
	k := key(t, "a")
	named := request
	named.To = "b"
	silent := Message{IsReply: true, From: "b", To: "a", Run: 1}
	for _, m := range []Message{request, named, reply, silent} {
		b, err := k.Seal(m)
		require.NoError(t, err)
		require.Len(t, b, Size, "a reply is as long as its request")
		back, err := k.Open(b)
		require.NoError(t, err)
		require.Equal(t, m, back)
		nonce, isReply := ReplyTo(b)
		require.Equal(t, m.IsReply, isReply)
		if isReply {
			require.Equal(t, m.Nonce, nonce)
		}
	}
}

func TestAgesAreRoundedUp(t *testing.T) {
	m := reply
	m.Edges = []fleet.Edge{{Machine: 3, Run: 9, Age: 1}}
	b, err := key(t, "a").Seal(m)
	require.NoError(t, err)
	back, err := key(t, "a").Open(b)
	require.NoError(t, err)
	require.Equal(t, time.Second, back.Edges[0].Age)
}

func TestEdgesWithoutRoomAreLeftOut(t *testing.T) {
	m := reply
	m.Edges = nil
	for i := range 300 {
		m.Edges = append(m.Edges, fleet.Edge{Machine: fleet.Place(i), Run: 1})
	}
	b, err := key(t, "a").Seal(m)
	require.NoError(t, err)
	back, err := key(t, "a").Open(b)
	require.NoError(t, err)
	require.Len(t, back.Edges, 37)
	require.False(t, back.Complete)
	require.Equal(t, m.Edges[:37], back.Edges)
}

func TestEveryBitIsCovered(t *testing.T) {
	k := key(t, "a")
	b, err := k.Seal(reply)
	require.NoError(t, err)
	for bit := range 8 * Size {
		b[bit/8] ^= 1 << (bit % 8)
		_, err := k.Open(b)
		require.Error(t, err, "bit %d", bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
	for _, n := range []int{0, 4, Size - 1, Size + 1} {
		_, err := k.Open(append(b, 0)[:n])
		require.ErrorIs(t, err, ErrForeign)
	}
	_, err = key(t, "b").Open(b)
	require.ErrorIs(t, err, ErrKey)
	b[4] = 2
	_, err = k.Open(b)
	require.ErrorIs(t, err, ErrVersion)
}

// Somebody who has the key may still not write what has another form.
func TestAMessageHasOneForm(t *testing.T) {
	k := key(t, "a")
	for name, change := range map[string]func([]byte){
		"kind":                        func(b []byte) { b[atKind] = 3 },
		"unknown flag":                func(b []byte) { b[atFlags] |= 4 },
		"rest":                        func(b []byte) { b[atCode-1] = 1 },
		"behind a name":               func(b []byte) { b[atSender+MaxName] = 'x' },
		"no receiver of a reply":      func(b []byte) { clear(b[atReceiver:atEdges]) },
		"no sender":                   func(b []byte) { clear(b[atSender:atReceiver]) },
		"name of 255":                 func(b []byte) { b[atSender] = 255 },
		"name with a space":           func(b []byte) { b[atSender+1] = ' ' },
		"more edges":                  func(b []byte) { b[atCount] = 255 },
		"an interval that ends first": func(b []byte) { copy(b[atInterval:], b[atInterval+8:atMachines]); b[atInterval+15]-- },
		"an interval without a flag":  func(b []byte) { b[atFlags] &^= flagAnswer },
		"a request with edges":        func(b []byte) { b[atKind] = kindRequest },
	} {
		b, err := k.Seal(reply)
		require.NoError(t, err)
		change(b)
		_, err = k.Open(k.sign(b))
		require.ErrorIs(t, err, ErrForm, name)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	k := key(t, "a")
	for _, m := range []Message{{}, {From: "A"}, {From: strings.Repeat("a", 65)}, {From: "a", To: "b c"}, {From: "a", Machines: 1 << 16}, {From: "a", Faulty: -1}, {From: "a", IsReply: true, To: "\n"}} {
		_, err := k.Seal(m)
		require.Error(t, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []Message{request, reply} {
		b, err := encode(m)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := make([]byte, Size)
		copy(b, data)
		copy(b, "EPSF\x01")
		clear(b[atCode:])
		m, err := decode(b)
		if err != nil {
			require.ErrorIs(t, err, ErrForm)
			return
		}
		require.True(t, ValidName(m.From))
		for _, e := range m.Edges {
			require.GreaterOrEqual(t, e.Age, time.Duration(0))
		}
		again, err := encode(m)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, again))
	})
}

func TestKeysOfFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(text string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
	}
	good := strings.Repeat("0f", 32)
	for _, mode := range []os.FileMode{0o600, 0o640, 0o400} {
		write(good+"\n", mode)
		_, err := ReadKey(path)
		require.NoError(t, err)
	}
	for text, c := range map[string]struct {
		mode os.FileMode
		want string
	}{
		good:                      {0o644, "chmod 0640"},
		good + "\n":               {0o660, "has the mode 0660"},
		good[:62]:                 {0o600, "a key of 31 bytes, and 32 are the least"},
		"":                        {0o600, "a key of 0 bytes"},
		good + "x":                {0o600, "something else in it than hexadecimal digits"},
		strings.Repeat(good, 100): {0o600, "longer than 4096 bytes"},
	} {
		write(text, c.mode)
		_, err := ReadKey(path)
		require.ErrorContains(t, err, c.want)
		require.ErrorContains(t, err, path)
	}
	_, err := ReadKey(t.TempDir())
	require.ErrorContains(t, err, "is no regular file")
}
