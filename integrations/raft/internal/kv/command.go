package kv

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// A command sets a key to a value.
type command struct {
	id         uint64 // of whoever waits for its outcome, unique in the cluster
	key, value string
}

func (c command) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, c.id)
	b = binary.AppendUvarint(b, uint64(len(c.key)))
	b = append(b, c.key...)
	return append(b, c.value...)
}

func decodeCommand(b []byte) (command, error) {
	if len(b) < 9 {
		return command{}, fmt.Errorf("kv: a command of %d bytes", len(b))
	}
	length, n := binary.Uvarint(b[8:])
	if n <= 0 || length > uint64(len(b)-8-n) {
		return command{}, fmt.Errorf("kv: a key that is longer than its command of %d bytes", len(b))
	}
	key := 8 + n
	value := key + int(length)
	return command{id: binary.BigEndian.Uint64(b), key: string(b[key:value]), value: string(b[value:])}, nil
}

// touches returns what reports whether a command may change the value of a key.
func touches(key string) func([]byte) bool {
	return func(b []byte) bool {
		c, err := decodeCommand(b)
		return err != nil || c.key == key // what is not understood may change anything
	}
}

// snapshot is all that a member needs in order to go on from an entry.
type snapshot struct {
	Leases []byte // lease: of epsilonraft.Lease.State
	Data   map[string]string
}

func (s snapshot) encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // of two plain fields
	}
	return b
}

func decodeSnapshot(b []byte) (snapshot, error) {
	var s snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return snapshot{}, fmt.Errorf("kv: a snapshot: %w", err)
	}
	if s.Data == nil {
		s.Data = map[string]string{}
	}
	return s, nil
}
