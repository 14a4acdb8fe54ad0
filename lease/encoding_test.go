package lease

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

var (
	_ encoding.BinaryMarshaler   = Record{}
	_ encoding.BinaryUnmarshaler = (*Record)(nil)
)

var extremes = map[string]Record{
	"held":         {Version: 5, Holder: "web-1 <a&b>\u2028", Session: Session{1, 15: 255}, Token: 3, Expiry: 1_800_000_000_123_456_789, TTL: 10 * time.Second},
	"given up":     {Version: 6, Token: 3, TTL: 10 * time.Second},
	"no version":   {Holder: "h", Session: Session{1}, Token: 1, Expiry: 1, TTL: 1},
	"largest":      {Version: math.MaxUint64, Holder: strings.Repeat("\x01", MaxName), Session: Session{255}, Token: maxToken - 1, Expiry: math.MaxInt64, TTL: MaxTTL},
	"smallest":     {Version: 1, Holder: "保", Session: Session{15: 1}, Token: 1, Expiry: math.MinInt64, TTL: 1},
	"not a float":  {Version: 1, Holder: `{"a":"b"}`, Session: Session{15: 1}, Token: 1<<53 + 1, Expiry: 1<<53 + 1, TTL: 1},
	"replaced":     {Version: 1, Holder: "\ufffd", Session: Session{15: 1}, Token: 1, Expiry: 1, TTL: 1},
	"of two lines": {Version: 1, Holder: "a\nepsilon lease 2 ", Session: Session{15: 1}, Token: 1, Expiry: 1, TTL: 1},
}

func TestARecordComesBackFromItsEncoding(t *testing.T) {
	for name, r := range extremes {
		data, err := r.MarshalBinary()
		require.NoError(t, err, name)
		require.Less(t, len(data), 10<<10, name)
		back := Record{Holder: "left over", Version: 99}
		require.NoError(t, back.UnmarshalBinary(data), name)
		require.Equal(t, r, back, name)
	}
	data, err := extremes["held"].MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(data, []byte("\n")))
	require.Contains(t, string(data), `"holder":"web-1`, "for people to read")
}

// What was written stays readable: a change of this needs another version of the format.
func TestTheEncodingIsTheOneThatIsStored(t *testing.T) {
	const stored = "epsilon lease 2 aa9535e6\n" +
		`{"version":5,"holder":"a","session":"01000000000000000000000000000000","token":3,"expiry_ns":1100,"ttl_ns":100}` + "\n"
	data, err := holding(1100).record.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, stored, string(data))
}

func TestWhatNobodyCanHaveWrittenIsNeitherEncodedNorDecoded(t *testing.T) {
	good := holding(1100).record
	spoils := maps.Clone(impossible)
	spoils["nothing"] = func(r *Record) { *r = Record{} }
	spoils["a version only"] = func(r *Record) { *r = Record{Version: 1} }
	spoils["a zero byte"] = func(r *Record) { r.Holder = "a\x00" }
	spoils["a long holder"] = func(r *Record) { r.Holder = strings.Repeat("x", MaxName+1) }
	for name, spoil := range spoils {
		r := good
		spoil(&r)
		_, err := r.MarshalBinary()
		require.ErrorIs(t, err, ErrCorrupt, name)
		require.ErrorIs(t, unmarshal(t, sealed(t, form{
			Version: r.Version, Holder: r.Holder, Session: hex.EncodeToString(r.Session[:]), Token: r.Token,
			Expiry: int64(r.Expiry), TTL: int64(r.TTL),
		})), ErrCorrupt, name)
	}
	for _, body := range []string{"", "{}", "null", "[]", "{", `{"token":1}`, `{"token":-1}`, `{"token":1e30}`, `{"holder":7}`, `{"session":"0x"}`} {
		require.ErrorIs(t, unmarshal(t, []byte(header+checksum([]byte(body))+"\n"+body)), ErrCorrupt, body)
	}
}

// A store that lost a part of what it was given, or changed a bit of it, must not pass that off as
// a record.
func TestEveryTornOrChangedEncodingIsCorrupt(t *testing.T) {
	data, err := extremes["held"].MarshalBinary()
	require.NoError(t, err)
	for n := range data {
		require.ErrorIs(t, unmarshal(t, data[:n]), ErrCorrupt, "torn after %d bytes", n)
		for bit := range 8 {
			changed := bytes.Clone(data)
			changed[n] ^= 1 << bit
			require.ErrorIs(t, unmarshal(t, changed), ErrCorrupt, "bit %d of byte %d", bit, n)
		}
	}
	require.ErrorIs(t, unmarshal(t, append(data, ' ')), ErrCorrupt)
}

// unmarshal returns what UnmarshalBinary does, and sees that a refusal changes nothing.
func unmarshal(t *testing.T, data []byte) error {
	before := holding(truetime.Time(7)).record
	r := before
	err := r.UnmarshalBinary(data)
	if err != nil {
		require.Equal(t, before, r)
	}
	return err
}

func sealed(t *testing.T, f form) []byte {
	body, err := json.Marshal(f)
	require.NoError(t, err)
	return append([]byte(header+checksum(body)+"\n"), body...)
}

// Whatever is read is refused as corrupt, or is a record that can be written again.
func FuzzDecode(f *testing.F) {
	for _, r := range extremes {
		good, err := r.MarshalBinary()
		require.NoError(f, err)
		f.Add(good)
	}
	f.Add([]byte(header))
	f.Add([]byte(header + checksum([]byte("{}\n")) + "\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The checksum keeps a fuzzer out, so what follows the first line is tried with the right
		// one, too.
		for _, data := range [][]byte{data, append([]byte(header+checksum(data)+"\n"), data...)} {
			var r Record
			if err := r.UnmarshalBinary(data); err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
				continue
			}
			again, err := r.MarshalBinary()
			require.NoError(t, err)
			var back Record
			require.NoError(t, back.UnmarshalBinary(again))
			require.Equal(t, r, back)
		}
	})
}
