package kv

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
)

// What an answer says may never be applied, as when raft has replaced it. The others need not wait for that.
func TestReadsByQuorumDoNotWaitForEachOther(t *testing.T) {
	r := &Replica{applied: 5, byQuorum: map[uint64]func(func(string) string) func(){}}
	var looked []uint64
	for id, index := range []uint64{9, 5, 6, 4} {
		r.confirmed = append(r.confirmed, raft.ReadState{Index: index, RequestCtx: binary.BigEndian.AppendUint64(nil, uint64(id))})
		r.byQuorum[uint64(id)] = func(func(string) string) func() {
			looked = append(looked, index)
			return nil
		}
	}
	r.look()
	require.Equal(t, []uint64{5, 4}, looked)
	r.applied = 9
	r.look()
	require.Equal(t, []uint64{5, 4, 9, 6}, looked)
	require.Empty(t, r.confirmed)
}
