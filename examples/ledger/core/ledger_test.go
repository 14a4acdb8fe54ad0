package core

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestErrorsSayWhatIsWrong(t *testing.T) {
	c := start(t, vfs.NewMem(), honest(), nil)
	ctx := t.Context()
	open := Transaction{ID: "open", Changes: []Change{{Account: "alice", Delta: 10, Open: true}, {Account: "bob", Open: true}}}
	first, err := c.client.Transact(ctx, open)
	require.NoError(t, err)
	again, err := c.client.Transact(ctx, open)
	require.NoError(t, err)
	first.Waited, first.Uncertainty, again.Waited = 0, 0, 0
	require.Equal(t, first, again)

	for id, want := range map[string]error{"unknown": ErrUnknownAccount, "poor": ErrInsufficientFunds, "exists": ErrAccountExists, "b d": ErrBadRequest, "open": ErrBadRequest} {
		x := Transfer(id, "alice", "bob", 11)
		switch id {
		case "unknown":
			x = Transfer(id, "alice", "carol", 1)
		case "exists":
			x = Transaction{ID: id, Changes: []Change{{Account: "bob", Open: true}}}
		}
		_, err := c.client.Transact(ctx, x)
		require.ErrorIs(t, err, want, id)
	}
	s, err := c.client.Read(ctx, ReadRequest{Accounts: []string{"alice", "bob", "carol"}})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"alice": 10, "bob": 0}, s.Balances)

	for i, server := range c.servers { // one that does not lead says who does
		if c.nodes[i].leader(ShardOf("alice", shards)) != nil {
			continue
		}
		response, err := http.Post(server.URL+"/shard/"+string('0'+byte(ShardOf("alice", shards)))+"/read", "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		require.Equal(t, http.StatusMisdirectedRequest, response.StatusCode)
		require.NotEmpty(t, response.Header.Get("Hlc-Timestamp"))
		require.NoError(t, response.Body.Close())
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSnapshotsOfThePastAndOfTheFuture(t *testing.T) {
	c := start(t, vfs.NewMem(), honest(), steady)
	ctx, both := t.Context(), []string{"alice", "bob"}
	opened, err := c.client.Transact(ctx, Transaction{ID: "open", Changes: []Change{{Account: "alice", Delta: 10, Open: true}, {Account: "bob", Open: true}}})
	require.NoError(t, err)
	moved, err := c.client.Transact(ctx, Transfer("move", "alice", "bob", 4))
	require.NoError(t, err)
	require.Greater(t, moved.Timestamp, opened.Timestamp)

	for at, want := range map[truetime.Time]map[string]int64{
		opened.Timestamp - 1: {},
		opened.Timestamp:     {"alice": 10, "bob": 0},
		moved.Timestamp - 1:  {"alice": 10, "bob": 0},
		moved.Timestamp:      {"alice": 6, "bob": 4},
	} {
		s, err := c.client.Read(ctx, ReadRequest{Accounts: both, At: at})
		require.NoError(t, err)
		require.Equal(t, want, s.Balances)
	}
	future := truetime.FromStd(time.Now()).Add(50 * time.Millisecond)
	s, err := c.client.Read(ctx, ReadRequest{Accounts: both, At: future})
	require.NoError(t, err)
	require.Equal(t, future, s.Timestamp)
	require.True(t, truetime.FromStd(time.Now()).After(future.Add(-4*time.Millisecond)), "it did not wait")

	for _, n := range c.nodes {
		for shard := range shards {
			if l := n.leader(shard); l != nil {
				require.NoError(t, l.collectVersions(moved.Timestamp))
			}
		}
	}
	_, err = c.client.Read(ctx, ReadRequest{Accounts: both, At: opened.Timestamp})
	require.ErrorIs(t, err, ErrTooOld)
	s, err = c.client.Read(ctx, ReadRequest{Accounts: both, At: moved.Timestamp})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"alice": 6, "bob": 4}, s.Balances)
}
