package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTableAsTextAndAsMarkdown(t *testing.T) {
	made := &table{title: "Widths", note: "In µs."}
	made.add("path", "ε", "chronyd")
	made.add("1 ms", "619.0", "7")
	made.add("µ", "1", "700.0")
	var text, markdown strings.Builder
	require.NoError(t, made.write(&text, false))
	require.NoError(t, made.write(&markdown, true))
	require.Equal(t, "Widths\n\n"+
		"path      ε  chronyd\n"+
		"1 ms  619.0        7\n"+
		"µ         1    700.0\n"+
		"\nIn µs.\n\n", text.String())
	require.Equal(t, "### Widths\n\n| path | ε | chronyd |\n|---|---|---|\n| 1 ms | 619.0 | 7 |\n| µ | 1 | 700.0 |\n\nIn µs.\n\n", markdown.String())
}

func TestPathIsNamedByItsRoundTrip(t *testing.T) {
	require.Equal(t, "1 ms", flat.String())
	require.Equal(t, "0.8 to 1.2 ms", narrow.String())
	require.Equal(t, "18 to 22 ms", distant.String())
	require.Equal(t, "0.1 ms", shortest.String())
}

func TestPercentile(t *testing.T) {
	require.Zero(t, percentile(nil, 50))
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i))
	}
	require.EqualValues(t, 50, percentile(sorted, 50))
	require.EqualValues(t, 99, percentile(sorted, 99))
	require.EqualValues(t, 7, percentile(sorted[7:8], 90))
}
