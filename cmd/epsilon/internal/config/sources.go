package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/vmsrc"
)

// Source is one table [[source]]: one source of a clock, or several of a pool.
type Source struct {
	Line    int    // 0 for one that is not from a file of ours
	Kind    string // server, nts, pool, chrony, kernel, clockbound, ptp, ptp4l, phc or vmclock
	Address string // whom or what it asks

	// UsesPort is true of a ptp source: it shares a port with the others.
	UsesPort bool

	make  func(*ptpsrc.Port) []truetime.Source
	group string
}

// Make makes the sources anew, as a clock of its own needs them. A ptp source asks through port; nil is
// good enough to see what is wrong with it.
func (s Source) Make(port *ptpsrc.Port) []truetime.Source {
	sources := s.make(port)
	if s.group != "" {
		sources = truetime.Group(s.group, sources...)
	}
	return sources
}

// A kind of source is the key that names it, and how the rest of its table is read.
var kinds = map[string]func(*keys, *Source){
	"server":     readServer,
	"nts":        readNTS,
	"pool":       readPool,
	"chrony":     readChrony,
	"clockbound": readClockBound,
	"kernel":     readKernel,
	"ptp":        readPTP,
	"ptp4l":      readPTP4L,
	"phc":        readPHC,
	"vmclock":    readVMClock,
}

const kindsText = "server, nts, pool, chrony, kernel, clockbound, ptp, ptp4l, phc, vmclock"

func (c *Config) readSources(k *keys) {
	v := k.look("source")
	if v == nil {
		return
	}
	if v.tables == nil {
		k.wrong("source", v, "a table of its own for each source, as in [[source]]")
		return
	}
	for _, t := range v.tables {
		if s, ok := readSource(keysOf(t, "[[source]]", k.m)); ok {
			c.Sources = append(c.Sources, s)
		}
	}
}

// readSource reads one table. A ptp4l beside a phc tells the error of the device, and is no source of its own.
func readSource(k *keys) (Source, bool) {
	s := Source{Line: k.table.line}
	var named []string
	for kind := range kinds {
		if k.values[kind] != nil {
			named = append(named, kind)
		}
	}
	slices.Sort(named)
	if slices.Equal(named, []string{"phc", "ptp4l"}) {
		named = named[:1]
	}
	switch len(named) {
	case 0:
		k.m.addf(s.Line, "this source does not say what it is: give one of %s", kindsText)
		return s, false
	case 1:
	default:
		k.m.addf(s.Line, "this source is said to be %s: a [[source]] has one of them", strings.Join(named, " and "))
		return s, false
	}
	s.Kind = named[0]
	s.Line = k.line(s.Kind)
	k.text("group", "the name of a group, whose members share a vote", func(name string) { s.group = name })
	kinds[s.Kind](k, &s)
	k.rest()
	return s, s.make != nil
}

// address reads the key that names the source.
func (s *Source) address(k *keys, must string) bool {
	found := false
	k.text(s.Kind, must, func(text string) { s.Address, found = text, true })
	return found
}

// scales are those in which servers of UTC count.
var scales = map[string]truetime.Scale{"utc": truetime.ScaleUTC, "smeared": truetime.ScaleUTCSmeared}

const mustBeServer = `a host name or an IP address, as in "ntp1.example.net" or "192.0.2.1:123"`

// readNTPOptions reads what every source of ntpsrc has.
//
//	max_delay, max_root_distance, extra_error, scale ("utc" or "smeared")
func readNTPOptions(k *keys) (options []ntpsrc.Option) {
	add := func(o ntpsrc.Option) { options = append(options, o) }
	k.duration("max_delay", func(d time.Duration) { add(ntpsrc.WithMaxDelay(d)) })
	k.duration("max_root_distance", func(d time.Duration) { add(ntpsrc.WithMaxRootDistance(d)) })
	k.duration("extra_error", func(d time.Duration) { add(ntpsrc.WithExtraError(d)) })
	choice(k, "scale", scales, func(scale truetime.Scale) { add(ntpsrc.WithScale(scale)) })
	return options
}

// readChronyOptions reads what every source but the kernel has besides.
//
//	max_stratum, max_reference_age, local_reference
func readChronyOptions(k *keys) (options []ntpsrc.ChronyOption) {
	for _, o := range readNTPOptions(k) {
		options = append(options, o)
	}
	add := func(o ntpsrc.ChronyOption) { options = append(options, o) }
	k.integer("max_stratum", "a whole number from 1 to 15", func(n int) { add(ntpsrc.WithMaxStratum(n)) })
	k.duration("max_reference_age", func(d time.Duration) { add(ntpsrc.WithMaxReferenceAge(d)) })
	k.flag("local_reference", func() { add(ntpsrc.WithLocalReference()) })
	return options
}

// readNetworkOptions reads what sources that ask over the network have besides.
//
//	private, port_forwarding, fine_bounds, sharp_stamps, kernel_stamps (true by default)
func readNetworkOptions(k *keys) (options []ntpsrc.NetworkOption) {
	for _, o := range readChronyOptions(k) {
		options = append(options, o)
	}
	add := func(o ntpsrc.NetworkOption) { options = append(options, o) }
	k.flag("private", func() { add(ntpsrc.WithPrivate()) })
	k.flag("port_forwarding", func() { add(ntpsrc.WithPortForwarding()) })
	k.flag("fine_bounds", func() { add(ntpsrc.WithFineBounds()) })
	k.flag("sharp_stamps", func() { add(ntpsrc.WithSharpStamps()) })
	k.boolean("kernel_stamps", func(wanted bool) {
		if !wanted {
			add(ntpsrc.WithoutKernelStamps())
		}
	})
	return options
}

// readServerOptions reads what a server that is known by its name has besides.
//
//	distance_km, min_delay (one way)
func readServerOptions(k *keys) (options []ntpsrc.ServerOption) {
	for _, o := range readNetworkOptions(k) {
		options = append(options, o)
	}
	k.number("distance_km", "km", func(km float64) { options = append(options, ntpsrc.WithDistance(km)) })
	k.duration("min_delay", func(d time.Duration) { options = append(options, ntpsrc.WithMinDelay(d)) })
	return options
}

func readServer(k *keys, s *Source) {
	options := readServerOptions(k)
	if s.address(k, mustBeServer) {
		s.make = single(func() truetime.Source { return ntpsrc.Server(s.Address, options...) })
	}
}

// single makes a source that needs no port.
func single(source func() truetime.Source) func(*ptpsrc.Port) []truetime.Source {
	return func(*ptpsrc.Port) []truetime.Source { return []truetime.Source{source()} }
}

// readNTS reads besides ca, a file of certificates in PEM, and server_name, the name in the certificate.
func readNTS(k *keys, s *Source) {
	var options []ntpsrc.NTSOption
	for _, o := range readServerOptions(k) {
		options = append(options, o)
	}
	settings := &tls.Config{}
	k.text("ca", "the path of a file of certificates in PEM", func(path string) {
		authorities, pem, err := readAuthorities(path)
		k.m.read = append(k.m.read, pem...)
		if err != nil {
			k.m.addf(k.line("ca"), "ca: %v", err)
		}
		settings.RootCAs = authorities
	})
	k.text("server_name", "the name in the server's certificate", func(name string) { settings.ServerName = name })
	if settings.RootCAs != nil || settings.ServerName != "" {
		options = append(options, ntpsrc.WithTLSConfig(settings))
	}
	if s.address(k, mustBeServer) {
		s.make = single(func() truetime.Source { return ntpsrc.NTS(s.Address, options...) })
	}
}

func readAuthorities(path string) (pool *x509.CertPool, pem []byte, err error) {
	if pem, err = readFile(path); err != nil {
		return nil, nil, err
	}
	pool = x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("%s has no certificate in PEM", path)
	}
	return pool, pem, nil
}

// defaultPool is chrony's maxsources.
const defaultPool = 4

// readPool reads besides count, 4 by default, and replace_after.
func readPool(k *keys, s *Source) {
	var options []ntpsrc.PoolOption
	for _, o := range readNetworkOptions(k) {
		options = append(options, o)
	}
	k.duration("replace_after", func(d time.Duration) { options = append(options, ntpsrc.WithReplaceAfter(d)) })
	count := defaultPool
	k.integer("count", "how many servers of the pool to ask, a whole number from 1 to 64", func(n int) { count = n })
	if s.address(k, `a host name that has several servers, as in "2.pool.ntp.example"`) {
		s.make = func(*ptpsrc.Port) []truetime.Source { return ntpsrc.Pool(s.Address, count, options...) }
	}
}

func readChrony(k *keys, s *Source) {
	options := readChronyOptions(k)
	if s.address(k, `the socket of chronyd as in "/run/chrony/chronyd.sock", or its address as in "127.0.0.1"`) {
		s.make = single(func() truetime.Source { return ntpsrc.Chrony(s.Address, options...) })
	}
}

func readKernel(k *keys, s *Source) {
	options := readNTPOptions(k)
	v := k.look("kernel")
	if v.kind != unstable.Bool || v.text != "true" {
		k.wrong("kernel", v, "true: leave the source out to do without it")
		return
	}
	s.Address = "kernel"
	s.make = single(func() truetime.Source { return ntpsrc.Kernel(options...) })
}

// readClockBound reads besides scale and extra_error.
func readClockBound(k *keys, s *Source) {
	var options []clockbound.SourceOption
	choice(k, "scale", scales, func(scale truetime.Scale) { options = append(options, clockbound.WithScale(scale)) })
	k.duration("extra_error", func(d time.Duration) { options = append(options, clockbound.WithExtraError(d)) })
	if s.address(k, `the path of the segment, as in "/var/run/clockbound/shm0"`) {
		s.make = single(func() truetime.Source { return clockbound.Source(s.Address, options...) })
	}
}

// readPTPOptions reads what every source of ptpsrc has.
//
//	accuracy, tai, utc_offset, extra_error, max_delay, max_error
func readPTPOptions(k *keys) (options []ptpsrc.Option) {
	add := func(o ptpsrc.Option) { options = append(options, o) }
	k.duration("accuracy", func(d time.Duration) { add(ptpsrc.WithAccuracy(d)) })
	k.flag("tai", func() { add(ptpsrc.WithTAI()) })
	k.duration("utc_offset", func(d time.Duration) { add(ptpsrc.WithUTCOffset(d)) })
	k.duration("extra_error", func(d time.Duration) { add(ptpsrc.WithExtraError(d)) })
	k.duration("max_delay", func(d time.Duration) { add(ptpsrc.WithMaxDelay(d)) })
	k.duration("max_error", func(d time.Duration) { add(ptpsrc.WithMaxError(d)) })
	return options
}

// readPTP4LOptions reads what sources that follow a grandmaster have besides.
//
//	domain, boundary_clock_error, local_reference
func readPTP4LOptions(k *keys) (options []ptpsrc.PTP4LOption) {
	for _, o := range readPTPOptions(k) {
		options = append(options, o)
	}
	add := func(o ptpsrc.PTP4LOption) { options = append(options, o) }
	k.integer("domain", "a whole number from 0 to 255", func(n int) { add(ptpsrc.WithDomain(n)) })
	k.duration("boundary_clock_error", func(d time.Duration) { add(ptpsrc.WithBoundaryClocks(d)) })
	k.flag("local_reference", func() { add(ptpsrc.WithLocalReference()) })
	return options
}

// readPTP reads besides event_port and general_port, message_rate, transparent_clocks and kernel_stamps (true by
// default).
func readPTP(k *keys, s *Source) {
	var options []ptpsrc.UnicastOption
	for _, o := range readPTP4LOptions(k) {
		options = append(options, o)
	}
	event, general := 319, 320
	k.integer("event_port", "a port", func(n int) { event = n })
	k.integer("general_port", "a port", func(n int) { general = n })
	if event != 319 || general != 320 {
		options = append(options, ptpsrc.WithServerPorts(event, general))
	}
	k.integer("message_rate", "an exponent of 2 from 1 to 7", func(n int) { options = append(options, ptpsrc.WithMessageRate(n)) })
	k.number("distance_km", "km", func(km float64) { options = append(options, ptpsrc.WithDistance(km)) })
	k.duration("min_delay", func(d time.Duration) { options = append(options, ptpsrc.WithMinDelay(d)) })
	k.flag("transparent_clocks", func() { options = append(options, ptpsrc.WithTransparentClocks()) })
	k.boolean("kernel_stamps", func(wanted bool) {
		if !wanted {
			options = append(options, ptpsrc.WithoutKernelStamps())
		}
	})
	if !s.address(k, mustBeServer) {
		return
	}
	s.UsesPort = true
	s.make = func(port *ptpsrc.Port) []truetime.Source {
		if port == nil {
			return []truetime.Source{ptpsrc.Unicast(s.Address, options...)}
		}
		return []truetime.Source{port.Unicast(s.Address, options...)}
	}
}

func readPTP4L(k *keys, s *Source) {
	options := readPTP4LOptions(k)
	if s.address(k, `the socket of ptp4l, as in "/var/run/ptp4l"`) {
		s.make = single(func() truetime.Source { return ptpsrc.PTP4L(s.Address, options...) })
	}
}

// readPHC reads besides ptp4l, the socket of the ptp4l that steers the device.
func readPHC(k *keys, s *Source) {
	if !s.address(k, `a device as in "/dev/ptp0", or a network interface as in "eth0"`) {
		return
	}
	if k.values["ptp4l"] == nil {
		options := readPTPOptions(k)
		s.make = single(func() truetime.Source { return ptpsrc.PHC(s.Address, options...) })
		return
	}
	options := readPTP4LOptions(k)
	k.text("ptp4l", `the socket of ptp4l, as in "/var/run/ptp4l"`, func(socket string) {
		s.make = single(func() truetime.Source { return ptpsrc.PHCWithPTP4L(s.Address, socket, options...) })
	})
}

func readVMClock(k *keys, s *Source) {
	if s.address(k, `a device, as in "/dev/vmclock0"`) {
		s.make = single(func() truetime.Source { return vmsrc.VMClock(s.Address) })
	}
}
