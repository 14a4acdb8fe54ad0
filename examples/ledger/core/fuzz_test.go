package core

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// FuzzTransaction reads arbitrary bytes as a transaction. One that is accepted is divided among
// shards without loss, and its accounts and its id make keys of their own shard that are read back
// as what they were.
func FuzzTransaction(f *testing.F) {
	for _, t := range []Transaction{
		Transfer("id", "alice", "bob", 7),
		{ID: "x", Changes: []Change{{Account: "a", Delta: 1 << 50, Open: true}}},
		{ID: "x/1", Changes: []Change{{Account: "a"}}},
		{ID: "x\n", Changes: []Change{{Account: "a"}, {Account: "a"}}},
		{ID: "0", Changes: []Change{{Account: ".", Delta: -1 << 63}}},
	} {
		body, err := json.Marshal(t)
		require.NoError(f, err)
		f.Add(body, int64(1), uint8(3))
	}
	f.Add([]byte(`{"ID":"a","Changes":[null]}`), int64(-1), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, at int64, n uint8) {
		var x Transaction
		if json.Unmarshal(body, &x) != nil || x.validate() != nil {
			return
		}
		shards := 1 + int(n)
		order, changes := x.split(shards)
		require.Len(t, order, len(changes))
		count := 0
		for i, shard := range order {
			require.True(t, shard >= 0 && shard < shards && (i == 0 || order[i-1] < shard))
			for _, c := range changes[shard] {
				count++
				require.Equal(t, shard, ShardOf(c.Account, shards))
				key := versionKey(shard, c.Account, truetime.Time(at))
				account, stamp, found := strings.Cut(key[len(versionsPrefix(shard)):], "/")
				require.True(t, found)
				require.Equal(t, c.Account, account)
				require.Len(t, stamp, 16)
				r := versionAt(shard, c.Account, truetime.Time(at))
				require.True(t, r.From <= key && key < r.To)
			}
			id, _, _ := strings.Cut(ballot(x.ID, shard), "/")
			require.Equal(t, x.ID, id)
		}
		require.Equal(t, len(x.Changes), count)
	})
}

// FuzzStored reads arbitrary bytes as what an engine has kept of a decision and of a vote. What is
// read can be written and read again.
func FuzzStored(f *testing.F) {
	f.Add(put("k", decision{Timestamp: 7, Changes: []Change{{Account: "a", Delta: 1}}, Balances: map[string]int64{"a": 1}}).Value)
	f.Add(put("k", decision{Refused: "insufficient"}).Value)
	f.Add(put("k", vote{Timestamp: 7, Coordinator: 2, Balances: map[string]int64{"a": -1}}).Value)
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, value []byte) {
		found := []engine.Pair{{Key: "k", Value: value}}
		if d, ok, err := read[decision](found); err == nil {
			require.True(t, ok)
			again, _, err := read[decision]([]engine.Pair{put("k", d)})
			require.NoError(t, err)
			require.Equal(t, string(put("k", d).Value), string(put("k", again).Value))
		}
		if v, ok, err := read[vote](found); err == nil {
			require.True(t, ok)
			again, _, err := read[vote]([]engine.Pair{put("k", v)})
			require.NoError(t, err)
			require.Equal(t, string(put("k", v).Value), string(put("k", again).Value))
		}
	})
}
