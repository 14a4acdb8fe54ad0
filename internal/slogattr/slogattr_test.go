package slogattr

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/slogtest"

	"github.com/stretchr/testify/require"
)

func TestItIsAHandlerAsOthersAre(t *testing.T) {
	var written bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		written.Reset()
		return Handler(slog.NewJSONHandler(&written, nil), func() slog.Attr { return slog.Int("n", 1) })
	}, func(t *testing.T) map[string]any {
		var record map[string]any
		require.NoError(t, json.Unmarshal(written.Bytes(), &record))
		require.Equal(t, 1.0, record["n"], "outside of every group")
		delete(record, "n")
		return record
	})
}

func TestTheAttributeIsOfTheMomentOfTheRecord(t *testing.T) {
	var written bytes.Buffer
	n := 0
	log := slog.New(Handler(slog.NewTextHandler(&written, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), func() slog.Attr { n++; return slog.Int("n", n) }))
	grouped := log.With("a", 1).WithGroup("g").With("b", 2)
	grouped.Info("first", "c", 3)
	log.Info("second")
	grouped.Debug("nobody wants it")
	grouped.Info("third")
	require.Equal(t, "level=INFO msg=first a=1 n=1 g.b=2 g.c=3\nlevel=INFO msg=second n=2\nlevel=INFO msg=third a=1 n=3 g.b=2\n", written.String())
}
