package hlchttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// responseWriter puts a timestamp into the header when it is written, whichever way that happens: a
// timestamp taken earlier would be before what the handler did until then.
type responseWriter struct {
	http.ResponseWriter
	clock   Clock
	stamped bool
}

// stamp does so before a header with that status, unless one has been written.
func (w *responseWriter) stamp(status int) {
	if w.stamped {
		return
	}
	// Informational headers precede the one that counts (RFC 9110 section 15.2), except that
	// nothing follows a switch of protocols.
	w.stamped = status >= 200 || status == http.StatusSwitchingProtocols
	timestamp, err := w.clock.Now()
	if err != nil {
		// It is too late for an error. The last timestamp is not below any event of this request,
		// and that is what the client needs to know.
		timestamp = w.clock.Last()
	}
	if timestamp.Valid() {
		w.Header().Set(Header, timestamp.String())
	} else {
		w.Header().Del(Header) // the clock was closed
	}
}

func (w *responseWriter) WriteHeader(status int) {
	w.stamp(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.stamp(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// ReadFrom keeps the way by which net/http copies a file without reading it.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.stamp(http.StatusOK)
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap lets http.ResponseController reach what is not here.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError and Flush write the header if it has not been.
func (w *responseWriter) FlushError() error {
	w.stamp(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *responseWriter) Flush() { _ = w.FlushError() }

// Hijack is for those who ask for an http.Hijacker themselves.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
