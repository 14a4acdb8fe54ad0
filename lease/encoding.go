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

// An encoded record is a line "epsilon lease 2 <checksum>", the checksum being the CRC-32C of the
// rest in hexadecimal digits, and a line of JSON. It can be read by people, and one that is torn,
// of another make or of another version of the format is told by its first line. Version 1, which
// was never released, had names in base64.
const header = "epsilon lease 2 "

const checksumDigits = 8

// form is what the JSON is made of.
type form struct {
	Name    *string `json:"name,omitempty"` // of the lease, where the place where it lies does not tell
	Version uint64  `json:"version"`
	Holder  string  `json:"holder"`
	Session string  `json:"session"`
	Token   Token   `json:"token"`
	Expiry  int64   `json:"expiry_ns"`
	TTL     int64   `json:"ttl_ns"`
}

// MarshalBinary returns the record in the form in which a [Store] may keep it: less than 10 KiB of
// UTF-8, with a checksum, for people to read. A store that has the version elsewhere, as etcd has,
// need not set it before. A record that no candidate can have written is refused with ErrCorrupt,
// the zero Record too: what was never stored is kept by keeping nothing.
func (r Record) MarshalBinary() ([]byte, error) { return r.encode(nil) }

// UnmarshalBinary sets r to what [Record.MarshalBinary] was given. The error wraps ErrCorrupt, and
// then r is unchanged. The version is the one that was encoded; a store that has it elsewhere sets
// it now.
func (r *Record) UnmarshalBinary(data []byte) error {
	record, _, err := decode(data)
	if err == nil {
		*r = record
	}
	return err
}

// encode returns the record, with the name of the lease if there is one.
func (r Record) encode(name *string) ([]byte, error) {
	if err := r.validateContent(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(form{
		name, r.Version, r.Holder, hex.EncodeToString(r.Session[:]), r.Token, int64(r.Expiry), int64(r.TTL),
	})
	if err != nil {
		return nil, fmt.Errorf("lease: record with token %d: %w", r.Token, err)
	}
	body = append(body, '\n')
	return append([]byte(header+checksum(body)+"\n"), body...), nil
}

func decode(data []byte) (r Record, name *string, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(header))
	if !ok {
		return r, nil, fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, header)
	}
	if len(rest) < checksumDigits+1 || rest[checksumDigits] != '\n' {
		return r, nil, fmt.Errorf("%w: the first line is torn", ErrCorrupt)
	}
	sum, body := string(rest[:checksumDigits]), rest[checksumDigits+1:]
	if is := checksum(body); is != sum {
		return r, nil, fmt.Errorf("%w: checksum %s and not %s", ErrCorrupt, is, sum)
	}
	var f form
	if err := json.Unmarshal(body, &f); err != nil {
		return r, nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	r = Record{Version: f.Version, Holder: f.Holder, Token: f.Token, Expiry: truetime.Time(f.Expiry), TTL: time.Duration(f.TTL)}
	session, err := hex.DecodeString(f.Session)
	if err != nil || len(session) != len(r.Session) {
		return Record{}, nil, fmt.Errorf("%w: session %.40q", ErrCorrupt, f.Session)
	}
	r.Session = Session(session)
	if err := r.validateContent(); err != nil {
		return Record{}, nil, err
	}
	return r, f.Name, nil
}

func checksum(body []byte) string {
	return fmt.Sprintf("%0*x", checksumDigits, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
