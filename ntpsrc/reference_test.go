package ntpsrc

import (
	"slices"
	"testing"
	"time"

	"github.com/facebook/time/ntp/chrony"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// showing is a server with the given reference ID.
func showing(id string, stratum uint8) ntptest.Behavior {
	return ntptest.Behavior{Stratum: stratum, Identity: ntptest.Identity{ReferenceID: id}}
}

// nobody are servers that say they follow nobody.
func nobody() map[string]ntptest.Behavior {
	busybox := ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		copy(reply[12:16], make([]byte, 4))
		copy(reply[16:24], reply[32:40])
		return [][]byte{reply}
	}}
	return map[string]ntptest.Behavior{
		"chronyd, local":                  showing("\x7f\x7f\x01\x01", 10),
		"chronyd, local stratum 1":        showing("\x7f\x7f\x01\x01", 1),
		"ntpd, LOCAL(0)":                  showing("\x7f\x7f\x01\x00", 6),
		"ntpd, LOCAL(3)":                  showing("\x7f\x7f\x01\x03", 6),
		"ntpd, LOCAL(0) at stratum 0":     showing("LOCL", 1),
		"Windows without a source":        {Dispersion: time.Second, Identity: ntptest.Identity{ReferenceID: "LOCL"}},
		"an appliance":                    showing("LCL", 1),
		"an appliance that pads by space": showing("LCL ", 1),
		"an appliance, stratum 5":         showing("LOCL", 5),
		"an appliance, lower case":        showing("locl", 1),
		"a free-running oscillator":       showing("FREE", 1),
		"Cisco IOS, ntp master 8":         showing("\x7f\x7f\x07\x01", 8),
		"ntpd, orphan":                    showing("\x7f\x00\x00\x01", 5),
		"ntpd, orphan 1":                  showing("LOOP", 1),
		"busybox ntpd -l":                 busybox,
	}
}

func TestServerThatFollowsNobodyIsRefusedWithTheOptionThatAllowsIt(t *testing.T) {
	for name, b := range nobody() {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, b)
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, "follows nobody and serves its own clock: its reference is ")
			require.ErrorContains(t, err, "ntpsrc.WithLocalReference allows it")
			t.Log(err)

			_, err = ask(t, b, WithLocalReference())
			require.NoError(t, err)

			_, err = newWorld(t, ntstest.Behavior{NTP: b}).ask()
			if b.Edit == nil { // the NTS server has an Edit of its own
				require.ErrorContains(t, err, "ntpsrc.WithLocalReference allows it", "authentication says who answers, not whom it follows")
			}
		})
	}
}

func TestServerThatFollowsSomebodyIsNotTakenForOneThatFollowsNobody(t *testing.T) {
	for name, b := range map[string]ntptest.Behavior{
		"a receiver":                                   showing("GPS", 1),
		"a pulse":                                      showing("PPS", 1),
		"a calibrated oscillator":                      showing("RBDM", 1),
		"ntpd's NMEA driver at stratum 1":              showing("\x7f\x7f\x14\x00", 2),
		"ntpd's shared memory driver":                  showing("\x7f\x7f\x1c\x00", 2),
		"a server":                                     showing("\xc0\x00\x02\x01", 3),
		"a server whose address begins alike":          showing("LOCX", 3),
		"another daemon on its own host":               {Stratum: 2, RootDelay: 20 * time.Microsecond, Identity: ntptest.Identity{ReferenceID: "\x7f\x00\x00\x01"}},
		"somebody it does not name":                    {Edit: set(12, 0, 0, 0, 0)},
		"somebody it does not name, no reference time": {Edit: set(12, make([]byte, 12)...)},
		"a server that it is about to be corrected by": {Stratum: 2, Identity: ntptest.Identity{ReferenceID: "\x00\x00\x00\x00"}},
	} {
		_, err := ask(t, b)
		require.NoError(t, err, name)
	}
}

// All servers of a site lose their uplink at the same time and say so.
func TestMajorityThatFollowsNobodyGivesNoAnswer(t *testing.T) {
	var sources []truetime.Source
	for range 3 {
		b := showing("\x7f\x7f\x01\x01", 10)
		b.Offset = 5 * time.Second
		sources = append(sources, Server(startServer(t, b).Address()))
	}
	clock, err := truetime.New(sources, truetime.WithPoll(time.Millisecond, 10*time.Millisecond))
	require.NoError(t, err)
	defer func() { require.NoError(t, clock.Close()) }()
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(clock.Status().Sources, func(s truetime.SourceStatus) bool { return s.Verdict != truetime.Unusable })
	}, patience, time.Millisecond)
	_, err = clock.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
}

func TestChronydSaysWhomItFollows(t *testing.T) {
	usual := defaults()
	for name, c := range map[string]struct {
		tracking chrony.Tracking
		nobody   bool
	}{
		"directive local":                {chrony.Tracking{RefID: 0x7f7f0101, Stratum: 10}, true},
		"a refclock that is called LOCL": {chrony.Tracking{RefID: 0x4c4f434c, Stratum: 1}, true},
		"a daemon on its own host":       {chrony.Tracking{RefID: 0x7f000001, Stratum: 3, RootDelay: 1e-5}, false},
		"the hypervisor's clock (PHC0)":  {chrony.Tracking{RefID: 0x50484330, Stratum: 1}, false},
		"a server on the internet":       {chrony.Tracking{RefID: 0xc0000201, Stratum: 2, RootDelay: 0.02}, false},
		"nothing that it names, yet":     {chrony.Tracking{Stratum: 1}, false},
	} {
		err := checkTracking(c.tracking, usual)
		if !c.nobody {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, truetime.ErrUnusable, name)
		require.ErrorContains(t, err, "ntpsrc.WithLocalReference allows it", name)
		allowed := usual
		allowed.localReference = true
		require.NoError(t, checkTracking(c.tracking, allowed), name)
	}
}
