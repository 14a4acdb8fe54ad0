package ntpserver

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/truetime"
)

type refusing struct{}

func (refusing) Now() (i truetime.Interval, err error) { return i, truetime.ErrNotSynchronized }

func TestAnAddressThatTheHostCannotHaveIsExplained(t *testing.T) {
	require.ErrorContains(t, explain(os.NewSyscallError("socket", unix.EAFNOSUPPORT)), "this host has no IPv6")
	require.ErrorContains(t, explain(os.NewSyscallError("bind", unix.EACCES)), "CAP_NET_BIND_SERVICE")
	with := everywhere(func(int) bool { return true })
	require.Equal(t, "[0.0.0.0:123 [::]:123]", fmt.Sprint(with))
	without := everywhere(func(family int) bool { return family != unix.AF_INET6 })
	require.Equal(t, "[0.0.0.0:123]", fmt.Sprint(without))
}

func TestAnIPv4AddressIsOneHoweverItIsWritten(t *testing.T) {
	mapped, plain := netip.MustParseAddrPort("[::ffff:0.0.0.0]:0"), netip.MustParseAddrPort("127.0.0.1:9123")
	require.ErrorContains(t, CheckListen([]netip.AddrPort{plain, netip.MustParseAddrPort("[::ffff:127.0.0.1]:9123")}), "it is there twice")
	require.Error(t, CheckListen([]netip.AddrPort{netip.MustParseAddrPort("[::ffff:224.0.1.1]:123")}))
	s, err := New(Config{Reader: refusing{}, Listen: []netip.AddrPort{mapped}, Upstream: Fixed(1, OwnReference), Workers: 1})
	require.NoError(t, err)
	defer s.Close()
	require.True(t, s.workers[0].socket.wild, "replies leave from the address that was asked")
}
