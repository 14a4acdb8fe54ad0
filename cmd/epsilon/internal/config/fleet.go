package config

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/node"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/internal/hostname"
)

// Fleet is with whom the daemon compares its clock.
type Fleet struct {
	Name     string
	Listen   []netip.AddrPort // nil for port 4461 at every address of the host
	Peers    []string         // host:port of each; or else
	List     string           // the host:port whose addresses they are
	Key      wire.Key
	Faulty   int // or fleet.Minority
	Interval time.Duration
}

// readFleet reads [fleet], whose presence has the machine take part in one.
//
//	peers, key_file (required)
//	name, listen, faulty, interval
func (c *Config) readFleet(root *keys) {
	if root.look("fleet") == nil {
		return
	}
	k := root.tableAt("fleet")
	f := &Fleet{Faulty: fleet.Minority, Interval: node.DefaultInterval}
	f.readName(k)
	f.readListen(k)
	f.readPeers(k)
	k.text("key_file", "the path of a file", func(path string) {
		var err error
		if f.Key, err = wire.ReadKey(path); err != nil {
			k.m.addf(k.line("key_file"), "key_file: %v", err)
		}
	})
	if k.values["key_file"] == nil {
		k.m.addf(k.table.line, `key_file is missing: write a key with "openssl rand -hex 32 > FILE; chmod 0640 FILE", and give all machines of the fleet the same`)
	}
	f.readFaulty(k)
	k.duration("interval", func(d time.Duration) {
		f.Interval = d
		if d < node.MinInterval || d > node.MaxInterval {
			k.m.addf(k.line("interval"), "interval = %v: it must be %v to %v", d, node.MinInterval, node.MaxInterval)
		}
	})
	k.rest()
	c.Fleet = f
	c.fleetIdentity = written(root.values["fleet"]) + f.Key.Fingerprint()
}

const mustBeName = "a name of up to 64 letters, digits, dots, hyphens and underscores, which no other machine of the fleet has"

func (f *Fleet) readName(k *keys) {
	k.text("name", mustBeName, func(text string) {
		f.Name = strings.ToLower(text)
		if !wire.ValidName(f.Name) {
			k.m.addf(k.line("name"), "name = %q: it must be %s", clip(text), mustBeName)
		}
	})
	if k.values["name"] != nil {
		return
	}
	own, err := os.Hostname()
	f.Name = strings.ToLower(own)
	if err != nil || !wire.ValidName(f.Name) {
		k.m.addf(k.table.line, "name is missing, and the host's own, %q, is none: it must be %s", clip(own), mustBeName)
	}
}

func (f *Fleet) readListen(k *keys) {
	k.texts("listen", `a list of addresses with their ports, as in ["0.0.0.0:4461", "[::]:4461"]`, func(texts []string) {
		for _, text := range texts {
			at, err := netip.ParseAddrPort(text)
			if err != nil {
				k.m.addf(k.line("listen"), "listen: %q is no address with a port, as in %q", clip(text), "[::]:4461")
				continue
			}
			f.Listen = append(f.Listen, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
		}
		if err := ntpserver.CheckListen(f.Listen); err != nil {
			k.m.addf(k.line("listen"), "listen: %v", err)
		}
	})
}

const mustBePeers = `a list of all machines of the fleet, as in ["a.example.net:4461", "192.0.2.7:4461"], or the name that has all their addresses, as in "fleet.example.net:4461"`

func (f *Fleet) readPeers(k *keys) {
	v := k.look("peers")
	switch {
	case v == nil:
		k.m.addf(k.table.line, "peers is missing: it must be %s", mustBePeers)
	case v.kind == unstable.String:
		if entry, err := parsePeer(v.text); err != nil {
			k.m.addf(v.line, "peers: %v", err)
		} else {
			f.List = entry
		}
	case v.kind != unstable.Array || len(v.list) == 0 || len(v.list) > wire.MaxMachines:
		k.wrong("peers", v, mustBePeers)
	default:
		seen := map[string]bool{}
		for _, element := range v.list {
			if element.kind != unstable.String {
				k.wrong("peers", element, mustBePeers)
				continue
			}
			entry, err := parsePeer(element.text)
			switch {
			case err != nil:
				k.m.addf(element.line, "peers: %v", err)
			case seen[entry]:
				k.m.addf(element.line, "peers: %s is there twice: name each machine once", entry)
			default:
				f.Peers = append(f.Peers, entry)
			}
			seen[entry] = true
		}
	}
}

// parsePeer reads host:port, and writes it as it is written everywhere.
func parsePeer(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("%q is no host with a port, as in %q", clip(text), "a.example.net:4461")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q: the port must be 1 to 65535", clip(text))
	}
	ip, name, err := hostname.Parse(host)
	if err != nil {
		return "", err
	}
	if ip.IsValid() {
		name = ip.String()
	}
	return net.JoinHostPort(name, port), nil
}

func (f *Fleet) readFaulty(k *keys) {
	k.integer("faulty", "a whole number of machines, fewer than half of the fleet", func(n int) {
		f.Faulty = n
		most := len(f.Peers) / 2 // this machine may be in the list or not
		switch {
		case n < 0 && f.List != "":
			k.m.addf(k.line("faulty"), "faulty = %d: it must be 0 or more", n)
		case f.List == "" && len(f.Peers) > 0 && (n < 0 || n > most):
			k.m.addf(k.line("faulty"), "faulty = %d: it must be 0 to %d, fewer than half of the fleet", n, most)
		}
	})
	if f.List != "" && k.values["faulty"] == nil {
		k.m.addf(k.table.line, "faulty is missing: where a name lists the peers, a machine that is down may be missing among them, so say how many may be wrong")
	}
}
