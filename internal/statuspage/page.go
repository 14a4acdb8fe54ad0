package statuspage

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

// The page is put together from its parts when the process starts: a document that needs no other request, of which the browser
// is told by their hashes which style and which script are ours.

//go:embed page
var files embed.FS

// scripts are in the order in which they need each other.
var scripts = []string{"format.js", "scale.js", "chart.js", "sources.js", "matrix.js", "fleet.js", "events.js", "live.js"}

var document, policy = assemble()

func assemble() (document, policy string) {
	style := file("page.css")
	var script strings.Builder
	script.WriteString("\"use strict\";\n(() => {\n")
	for _, name := range scripts {
		script.WriteString(file(name))
	}
	script.WriteString("})();\n")
	document = strings.NewReplacer("{{style}}", style, "{{script}}", script.String()).Replace(file("page.html"))
	// Nothing from elsewhere, nobody may frame it, and no text becomes markup (Trusted Types): https://www.w3.org/TR/CSP3/.
	policy = strings.Join([]string{
		"default-src 'none'",
		"script-src " + hash(script.String()),
		"style-src " + hash(style),
		"connect-src 'self'",
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
	return document, policy
}

func file(name string) string {
	text, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(text)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

type handler struct {
	host    Host
	streams chan struct{} // one element for each that is open
}

// Handler serves the page at / and its stream at /live.
func Handler(host Host) http.Handler {
	h := &handler{host: host, streams: make(chan struct{}, maxStreams)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /live", h.live)
	return mux
}

func (h *handler) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, document)
}
