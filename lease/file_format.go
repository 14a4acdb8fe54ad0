package lease

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// A record file is a line "epsilon lease 1 <checksum>", the checksum being the CRC-32C of the rest in
// hexadecimal digits, and a line of JSON. It can be read by people, and a file that is torn, of
// another make or of another version of the format is told by its first line.
const header = "epsilon lease 1 "

const checksumDigits = 8

type fileRecord struct {
	Name    []byte        `json:"name"` // base64: a name need not be UTF-8
	Version uint64        `json:"version"`
	Holder  []byte        `json:"holder"`
	Session string        `json:"session"`
	Token   Token         `json:"token"`
	Expiry  truetime.Time `json:"expiry_ns"`
	TTL     time.Duration `json:"ttl_ns"`
}

func encode(name string, r Record) ([]byte, error) {
	body, err := json.Marshal(fileRecord{
		[]byte(name), r.Version, []byte(r.Holder), hex.EncodeToString(r.Session[:]), r.Token, r.Expiry, r.TTL,
	})
	if err != nil {
		return nil, fmt.Errorf("lease: record of %.80q: %w", name, err)
	}
	body = append(body, '\n')
	return append([]byte(header+checksum(body)+"\n"), body...), nil
}

func decode(name string, data []byte) (Record, error) {
	rest, ok := bytes.CutPrefix(data, []byte(header))
	if !ok {
		return Record{}, fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, header)
	}
	if len(rest) < checksumDigits+1 || rest[checksumDigits] != '\n' {
		return Record{}, fmt.Errorf("%w: the first line is torn", ErrCorrupt)
	}
	sum, body := string(rest[:checksumDigits]), rest[checksumDigits+1:]
	if is := checksum(body); is != sum {
		return Record{}, fmt.Errorf("%w: checksum %s and not %s", ErrCorrupt, is, sum)
	}
	var f fileRecord
	if err := json.Unmarshal(body, &f); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if string(f.Name) != name {
		return Record{}, fmt.Errorf("%w: it is the record of %.80q and not of %.80q", ErrCorrupt, f.Name, name)
	}
	r := Record{Version: f.Version, Holder: string(f.Holder), Token: f.Token, Expiry: f.Expiry, TTL: f.TTL}
	session, err := hex.DecodeString(f.Session)
	if err != nil || len(session) != len(r.Session) {
		return Record{}, fmt.Errorf("%w: session %.40q", ErrCorrupt, f.Session)
	}
	r.Session = Session(session)
	if r.Version == 0 {
		return Record{}, fmt.Errorf("%w: version 0", ErrCorrupt)
	}
	return r, nil
}

func checksum(body []byte) string {
	return fmt.Sprintf("%0*x", checksumDigits, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
