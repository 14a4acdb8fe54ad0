package webserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

// serve has a server answer until the test ends.
func serve(t *testing.T, h http.Handler) *Server {
	t.Helper()
	l, err := Listen([]netip.AddrPort{anyPort})
	require.NoError(t, err)
	s := New(l, h)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-ended)
	})
	return s
}

var fine = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") })

// ask makes a request with headers of its own, and returns the status and the text of the answer.
func ask(t *testing.T, s *Server, method, host string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URLs()[0], nil)
	require.NoError(t, err)
	if host != "" {
		request.Host = host
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// A web page whose name is made to lead to 127.0.0.1 would have its visitors' browsers read what is here.
func TestOnLoopbackItAnswersToNoOtherName(t *testing.T) {
	s := serve(t, fine)
	for host, answers := range map[string]bool{
		"": true, "localhost": true, "localhost:9123": true, "LocalHost.:1": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9:80": true,
		"[::1]:9123": true, "[::1]": true, "[::ffff:127.0.0.1]:1": true,
		"example.com": false, "example.com:9123": false, "localhost.example.com": false, "notlocalhost": false, "192.0.2.1:9123": false, "127.0.0.1.example.com": false,
		"[2001:db8::1]:9123": false, "0.0.0.0": false,
	} {
		status, body := ask(t, s, http.MethodGet, host)
		if answers {
			require.Equal(t, http.StatusOK, status, host)
			require.Equal(t, "fine", body)
		} else {
			require.Equal(t, http.StatusMisdirectedRequest, status, host)
			require.Contains(t, body, "answers to localhost, 127.0.0.1 and [::1], not to")
		}
	}
}

func TestElsewhereItAnswersToAnyName(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "http://clock.example/", nil)
	w := httptest.NewRecorder()
	guard(fine).ServeHTTP(w, request.WithContext(context.WithValue(t.Context(), loopbackKey{}, false)))
	require.Equal(t, http.StatusOK, w.Code)
	for address, loopback := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false} {
		require.Equal(t, loopback, isLoopback(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))), address)
	}
}

func TestItCanBeReadAndNothingElse(t *testing.T) {
	s := serve(t, fine)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"} {
		status, body := ask(t, s, method, "")
		require.Equal(t, http.StatusMethodNotAllowed, status, method)
		require.Contains(t, body, "use GET or HEAD")
	}
	status, body := ask(t, s, http.MethodHead, "")
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, body)
}

func TestOtherSitesMayLinkButNotRead(t *testing.T) {
	s := serve(t, fine)
	for _, c := range []struct {
		site, mode string
		want       int
	}{
		{"same-origin", "cors", 200}, {"none", "navigate", 200}, {"cross-site", "navigate", 200},
		{"cross-site", "no-cors", 403}, {"cross-site", "cors", 403}, {"same-site", "cors", 403}, {"cross-site", "", 403},
	} {
		status, _ := ask(t, s, http.MethodGet, "", "Sec-Fetch-Site", c.site, "Sec-Fetch-Mode", c.mode)
		require.Equal(t, c.want, status, c)
	}
	response, err := http.Get(s.URLs()[0])
	require.NoError(t, err)
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "same-origin", response.Header.Get("Cross-Origin-Resource-Policy"))
}

func TestNoMoreConnectionsThanThereMayBe(t *testing.T) {
	s := serve(t, fine)
	address := s.listeners[0].Addr().String()
	get := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 12))
		return err
	}
	var all []net.Conn
	for range maxConnections {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, get(c))
		all = append(all, c)
	}
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close()
	require.Error(t, get(c))
	all[0].Close()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		return get(c) == nil
	}, 30*time.Second, time.Millisecond)
}

func TestCloseEndsStreams(t *testing.T) {
	l, err := Listen([]netip.AddrPort{anyPort})
	require.NoError(t, err)
	s := New(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	response, err := http.Get(s.URLs()[0])
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, s.Close())
	require.NoError(t, <-ended)
	_, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
}

func TestAnAddressThatCannotBeHadIsOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	at := netip.MustParseAddrPort(taken.Addr().String())
	_, err = Listen([]netip.AddrPort{anyPort, at})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, fmt.Sprintf("cannot listen at %v: another program does; stop it, or give another port", at))
	_, err = Listen([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")})
	require.ErrorContains(t, err, "this host has no such address")
	low := netip.MustParseAddrPort("127.0.0.1:80")
	denied := explain(low, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)})
	require.EqualError(t, denied, "cannot listen at 127.0.0.1:80: no permission; give a port above 1023, or run as root or with CAP_NET_BIND_SERVICE: permission denied")
	for _, err := range []error{err, denied} {
		require.NotContains(t, err.Error(), "\n")
	}
	for _, text := range []string{"", "9123", ":9123", "localhost:9123", "127.0.0.1", "127.0.0.1:x", "::1:9123", "127.0.0.1:99999"} {
		_, err := ParseAddress(text)
		require.ErrorContains(t, err, "is no address with a port, as 127.0.0.1:9123 or [::1]:9123", text)
	}
	at, err = ParseAddress("[::ffff:127.0.0.1]:1")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", at.String())
}

// [::] is not given the port of 0.0.0.0 as well, which another listener may have.
func TestBothFamiliesCanHaveOnePort(t *testing.T) {
	four, err := Listen([]netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")})
	require.NoError(t, err)
	defer four[0].Close()
	port := four[0].Addr().(*net.TCPAddr).Port
	six, err := Listen([]netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))})
	if err != nil {
		t.Skipf("no IPv6, or somebody has the port: %v", err)
	}
	six[0].Close()
}
