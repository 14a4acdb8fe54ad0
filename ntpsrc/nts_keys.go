package ntpsrc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"github.com/epsilontime/epsilon/internal/perclock"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
	"github.com/epsilontime/epsilon/truetime"
)

// The least time between the beginnings of two key exchanges: 10 s, and half as much again for each
// one that brought no authenticated reply (RFC 8915 section 4.2). Each of them counts half after an
// hour, and half of that after another: so where none ever succeeds there is one every eight
// minutes in the end. The RFC goes up to five days; this spares the server as well, and this clock
// what it would miss.
//
// An exchange that reached nobody has cost the server nothing: the name was not resolved, the
// connection was refused or did not come about. It does not count, and the next one may begin after
// 10 s. So a source is back with the first poll after an outage, as one without NTS.
//
// Otherwise it does not matter who caused an exchange. A kiss-o'-death NTSN can be forged by
// whoever sees the request, and must not make all the clients of a server come to it at once.
const (
	keyExchangePause    = 10 * time.Second
	keyExchangeHalfLife = time.Hour
	keyExchangeGrowth   = 1.5

	// keyExchangesMax bounds the pause, to 73 minutes. So many do not come together by themselves.
	keyExchangesMax = 16
)

var errNoNewCookies = errors.New("the server answers, but sends no new cookies")

// keying is what one key exchange has led to.
type keying struct {
	association *nts.Association
	place       *place // of the NTP server
}

// keys has the present keys and decides when others are due.
type keys struct {
	address address
	own     *place // of the NTP server beside the key exchange, which is asked if no other is named
	config  *tls.Config
	turn    perclock.Turn // of whoever may exchange keys

	forwarded bool // see WithPortForwarding

	mu       sync.Mutex
	current  keying
	named    address // the server of the present keys, if it is not the one beside the key exchange
	replaced bool    // the server says that it does not know these keys any more

	begun   bool              // there has been a key exchange
	last    monotonic.Instant // when the last one began
	barren  float64           // how many there were by then since the last authenticated reply, the older ones counted less
	failure error             // why the last one, or the last request under its keys, has failed
}

func newKeys(a address, config *tls.Config, forwarded bool) keys {
	return keys{address: a, own: provenPlace(a, forwarded), config: config, forwarded: forwarded}
}

// ready returns keys for one request. It exchanges keys if that is due and may be done by now.
// Until an exchange has succeeded the old keys are used as long as there are cookies for them (RFC
// 8915 section 5.7).
func (k *keys) ready(ctx context.Context, counter monotonic.Counter) (keying, error) {
	if err := k.turn.Take(ctx); err != nil {
		return keying{}, err
	}
	defer k.turn.Leave()
	now := counter.Now()
	wait := k.begin(now)
	if wait == 0 {
		association, err := k.exchange(ctx)
		if err := k.adopt(association, err); err != nil && !k.usable() {
			return keying{}, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.hasCookies() {
		reason := k.failure
		if reason == nil {
			reason = errNoNewCookies
		}
		return keying{}, fmt.Errorf("%w; keys are exchanged again in %v at the earliest", reason, wait.Round(time.Second))
	}
	return k.current, nil
}

// exchange performs a key exchange with one of the servers of the name. One with which that fails
// is tried last from then on.
func (k *keys) exchange(ctx context.Context) (*nts.Association, error) {
	servers := k.own.roster
	if servers == nil {
		return nts.Exchange(ctx, k.address.hostPort(), func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", k.address.hostPort())
		}, k.config)
	}
	var reached netip.Addr
	association, err := nts.Exchange(ctx, k.address.hostPort(), func(ctx context.Context) (net.Conn, error) {
		found, err := servers.order(ctx)
		if err != nil {
			return nil, err
		}
		var to []netip.AddrPort
		for _, a := range found {
			to = append(to, netip.AddrPortFrom(a, k.address.port))
		}
		conn, err := dialFirst(ctx, to, new(net.Dialer).DialContext)
		if err == nil {
			reached = remoteOf(conn)
		}
		return conn, err
	}, k.config)
	if err != nil && reached.IsValid() {
		servers.leave(candidate{reached, machineAt(reached)}, 0, false)
	}
	return association, err
}

// remoteOf returns the address of the other end of a connection.
func remoteOf(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// notDue is what begin returns where no key exchange is needed.
const notDue = time.Duration(-1)

// begin notes the beginning of a key exchange and returns 0, if one is due. Otherwise it returns
// how long it is until there may be one, or notDue.
func (k *keys) begin(now monotonic.Instant) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hasCookies() && !k.replaced {
		return notDue
	}
	if now.Before(k.last) {
		k.last = now // another counter
	}
	barren := k.barrenAt(now)
	if wait := keyExchangePauseAfter(barren) - now.Sub(k.last); k.begun && wait > 0 {
		return wait
	}
	k.begun, k.last, k.barren = true, now, min(barren+1, keyExchangesMax)
	return 0
}

// barrenAt is what is left by now of the key exchanges that brought nothing.
func (k *keys) barrenAt(now monotonic.Instant) float64 {
	return k.barren * math.Exp2(-float64(now.Sub(k.last))/float64(keyExchangeHalfLife))
}

// keyExchangePauseAfter is how long after the beginning of the last key exchange there may be
// another.
func keyExchangePauseAfter(barren float64) time.Duration {
	return time.Duration(float64(keyExchangePause) * math.Pow(keyExchangeGrowth, max(barren-1, 0)))
}

// adopt takes what came of a key exchange.
func (k *keys) adopt(a *nts.Association, err error) error {
	var server address
	if err == nil {
		server, err = k.ntpServer(a)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failure = err
		if nts.ReachedNobody(err) {
			k.barren = max(k.barren-1, 0)
		}
		return err
	}
	k.current, k.replaced, k.failure = keying{a, k.placeOf(server, a.Server == "")}, false, nil
	return nil
}

// placeOf returns where an NTP server is found: if it is the server of the key exchange itself, at
// the address where that was reached, and at others of the name if nobody answers there. Whoever
// does not have the keys cannot answer. What is known of addresses that do not answer outlives a
// key exchange. The lock is held.
func (k *keys) placeOf(server address, own bool) *place {
	switch {
	case own && k.own.roster != nil:
		if k.own.port != server.port {
			k.own.vacate()
			k.own = &place{roster: k.own.roster, port: server.port, proves: true, forwarded: k.forwarded}
		}
		k.own.settle(server.ip)
		return k.own
	case k.current.place != nil && k.named == server:
		return k.current.place
	}
	k.named = server
	return provenPlace(server, k.forwarded)
}

// ntpServer is the server to which the keys belong (RFC 8915 sections 4.1.7 and 4.1.8).
func (k *keys) ntpServer(a *nts.Association) (address, error) {
	server := address{ip: a.Remote, port: ntpPort}
	if a.Port != 0 {
		server.port = a.Port
	}
	if a.Server == "" {
		return server, nil
	}
	named, err := parseAddress(a.Server)
	_, notLiteral := netip.ParseAddr(a.Server)
	if err != nil || notLiteral != nil && strings.ContainsAny(a.Server, ":[") { // a port is not said here
		return address{}, fmt.Errorf("%w: key exchange with %s: the server that it names, %.80q, is neither a host name nor an address", truetime.ErrUnusable, k.address.hostPort(), a.Server)
	}
	named.port = server.port
	return named, nil
}

func (k *keys) usable() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hasCookies()
}

// hasCookies reports whether a request can be made. The lock is held.
func (k *keys) hasCookies() bool {
	return k.current.association != nil && k.current.association.Cookies() > 0
}

// answered notes an authenticated reply under the given keys: they are known, whatever was said.
func (k *keys) answered(under keying) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if under == k.current {
		k.replaced, k.barren, k.failure = false, 0, nil
	}
}

// unanswered notes that no authenticated reply came, and whether a kiss-o'-death NTSN came instead.
func (k *keys) unanswered(under keying, nak bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if under == k.current {
		k.replaced = k.replaced || nak
		k.failure = err
	}
}
