package webserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

type loopbackKey struct{} // whether the listener of a request is on loopback

// guard lets through what reads, and is not asked for by another site.
func guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch loopback, _ := r.Context().Value(loopbackKey{}).(bool); {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "this can be read and nothing else: use GET or HEAD", http.StatusMethodNotAllowed)
		case loopback && !namesLoopback(r.Host):
			http.Error(w, fmt.Sprintf("this listens on loopback and answers to localhost, 127.0.0.1 and [::1], not to %.80q: a proxy in front has to ask by one of these", r.Host),
				http.StatusMisdirectedRequest)
		case ofAnotherSite(r):
			http.Error(w, "a page of another site may not read this", http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// ofAnotherSite reports whether a page of another site asks, which could not read the answer, but could hold up streams. That it has a link
// to this one is fine. See https://www.w3.org/TR/fetch-metadata/.
func ofAnotherSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate"
	}
	return false
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// namesLoopback reports whether a Host header is a name of this host itself, which no name server can point elsewhere (RFC 6761 section
// 6.3), or missing: browsers send it.
func namesLoopback(host string) bool {
	if host == "" {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().IsLoopback()
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
