package engine

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// FuzzHandler sends arbitrary bodies to an engine. Whatever comes, nothing panics, and what it says
// it has written is what it reads: all of the batch, or nothing.
func FuzzHandler(f *testing.F) {
	p, err := OpenPebble("data", vfs.NewMem(), func(text string) { panic(text) })
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, p.Close()) })
	for _, batch := range []Batch{
		{Put: []Pair{{"a", []byte("1")}}},
		{If: []Condition{{"a", []byte("1")}}, Put: []Pair{{"b", []byte{}}}, Delete: []string{"a"}},
		{If: []Condition{{Key: "a"}}},
		{Put: []Pair{{"", nil}, {"\x00", nil}, {"\xff", []byte{0}}}},
	} {
		body, err := json.Marshal(batch)
		require.NoError(f, err)
		f.Add(body)
	}
	for _, ranges := range [][]Range{{Key("a")}, {{"", "", 0}, {"b", "a", -1}, {From: "a"}}, {Prefix("a"), {"a", "b", 1 << 40}}} {
		body, err := json.Marshal(ranges)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add([]byte(`null`))
	f.Add([]byte(`{"If":[null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ask := func(path string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRecorder()
			Handler(p).ServeHTTP(r, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
			require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusPreconditionFailed}, r.Code, "%s: %s", path, r.Body)
			return r
		}
		if r := ask("/read", body); r.Code == http.StatusOK {
			var ranges []Range
			require.NoError(t, json.NewDecoder(bytes.NewReader(body)).Decode(&ranges))
			var found [][]Pair
			require.NoError(t, json.Unmarshal(r.Body.Bytes(), &found))
			require.Len(t, found, len(ranges))
		}
		if ask("/apply", body).Code != http.StatusOK {
			return
		}
		var batch Batch
		require.NoError(t, json.NewDecoder(bytes.NewReader(body)).Decode(&batch))
		last := map[string][]byte{}
		for _, pair := range batch.Put {
			last[pair.Key] = pair.Value
		}
		for _, key := range batch.Delete {
			delete(last, key)
		}
		for key, value := range last {
			found, err := p.Read(t.Context(), Key(key))
			require.NoError(t, err)
			require.Len(t, found[0], 1, "%q", key)
			require.True(t, bytes.Equal(value, found[0][0].Value), "%q", key)
		}
	})
}
