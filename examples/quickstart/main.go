// Quickstart shows a clock that knows how wrong it may be, live, with a lying server thrown out.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -server ntp1.example.net -server ntp2.example.net -server ntp3.example.net
//	go run ./examples/quickstart -server nts://time.example.net
//	go run ./examples/quickstart -local -server 192.0.2.1
//	go run ./examples/quickstart -http 127.0.0.1:9123
//
// Without -server it starts five NTP servers of its own on loopback, of which one is wrong by
// 250 ms, so that it works without a network. A server that follows nobody but its own clock is
// refused unless -local is given. With -json it prints one object per second and line. With -http a
// browser shows the clock live.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/epsilontime/epsilon/internal/demo"
	"github.com/epsilontime/epsilon/internal/webserver"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process as it would any other
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// settings are the command's flags.
type settings struct {
	servers  []string
	duration time.Duration
	poll     time.Duration
	driftPPM float64
	local    bool
	json     bool
	http     netip.AddrPort // where a browser can see it; the zero value for nowhere
}

// forever is how long it runs with -http, unless -for says for how long.
const forever = 1000 * 24 * time.Hour

func parse(args []string, stdout io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake is reported once, by whoever called
	flags.Func("server", "NTP server, `host[:port]`, or nts://host[:port] for one authenticated by NTS; repeat it for more (default: five of its own on loopback)", func(address string) error {
		s.servers = append(s.servers, address)
		return nil
	})
	flags.DurationVar(&s.duration, "for", 10*time.Second, "how long to run")
	flags.DurationVar(&s.poll, "poll", time.Second, "how often to ask each server; a public one expects 16s or more")
	flags.Float64Var(&s.driftPPM, "drift", 200, "how far the local counter's rate may be off, in `ppm`")
	flags.BoolVar(&s.local, "local", false, "use servers, too, that follow nobody but their own clock")
	flags.BoolVar(&s.json, "json", false, "print one JSON object per second and line")
	flags.Func("http", "show the clock in a browser at an `address`, as in 127.0.0.1:9123, until interrupted or for -for", func(address string) (err error) {
		s.http, err = webserver.ParseAddress(address)
		return err
	})
	flags.Usage = func() {}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, "Shows a clock that knows how wrong it may be, live, with a lying server thrown out.\n\nFlags:")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return s, err
	} else if err != nil {
		return s, fmt.Errorf("%w (-help lists the flags)", err)
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: servers are given with -server", flags.Arg(0))
	}
	limited := false
	flags.Visit(func(f *flag.Flag) { limited = limited || f.Name == "for" })
	if s.http.IsValid() && !limited {
		s.duration = forever
	}
	if s.duration <= 0 {
		return s, fmt.Errorf("-for %v: it must be above 0", s.duration)
	}
	return s, nil
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &output{to: stdout, failed: cancel}

	introduction := ""
	if len(s.servers) == 0 {
		servers, err := demo.Start()
		if err != nil {
			return err
		}
		defer servers.Close()
		s.servers, introduction = servers.Addresses(), servers.Describe()+"\n"
	}

	options := []truetime.Option{
		truetime.WithDrift(s.driftPPM),
		truetime.WithPoll(s.poll, max(s.poll, min(8*s.poll, time.Minute))),
	}
	var shown *page
	if s.http.IsValid() {
		var err error
		if shown, err = openPage(s.http, s.driftPPM); err != nil {
			return err
		}
		defer shown.close()
		options = append(options, truetime.WithEvents(shown.Publish))
		introduction += "In a browser: " + shown.server.URLs()[0] + "\n"
	}
	clock, err := truetime.New(sources(s.servers, s.local), options...)
	if err != nil {
		return err
	}
	defer clock.Close()
	if shown != nil {
		showing, stop := context.WithCancel(ctx)
		defer stop()
		shown.show(showing, clock)
	}

	if s.json {
		printJSON(ctx, clock, s.duration, out)
	} else {
		fmt.Fprint(out, introduction)
		watch(ctx, clock, s.duration, out)
		commit(ctx, clock, out)
	}
	if out.err != nil {
		return fmt.Errorf("cannot write the output: %w", out.err)
	}
	return verdict(clock.Status())
}

// sources turns the servers that were given into sources. They may follow nobody if local is true.
func sources(servers []string, local bool) (all []truetime.Source) {
	var plain []ntpsrc.ServerOption
	var secured []ntpsrc.NTSOption
	if local {
		plain = append(plain, ntpsrc.WithLocalReference())
		secured = append(secured, ntpsrc.WithLocalReference())
	}
	for _, address := range servers {
		if keyExchange, ok := strings.CutPrefix(address, "nts://"); ok {
			all = append(all, ntpsrc.NTS(keyExchange, secured...))
		} else {
			all = append(all, ntpsrc.Server(address, plain...))
		}
	}
	return all
}

// verdict returns an error unless the clock is synchronized.
func verdict(s truetime.Status) error {
	switch {
	case s.Err != nil:
		return fmt.Errorf("no answer at the end: %w: %s", s.Err, s.Summary())
	case s.State != truetime.Synchronized:
		return fmt.Errorf("the clock was in %v at the end, still right, but ε had grown to %v: %s", s.State, s.Uncertainty, s.Summary())
	}
	return nil
}

// output remembers the first write that failed, and ends the run then.
type output struct {
	to     io.Writer
	failed func()
	err    error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(b)
	if err != nil {
		o.err = err
		o.failed()
	}
	return n, err
}

// everySecond calls show at the end of every full second of the given duration, or once at its end
// if it is shorter than that. A second that was missed, because the process was stopped, is left
// out. It returns at the end of the duration, or when ctx ends.
func everySecond(ctx context.Context, duration time.Duration, show func()) {
	start := time.Now()
	end := start.Add(duration)
	first := min(time.Second, duration)
	for next := start.Add(first); !next.After(end); next = next.Add(time.Second) {
		for time.Until(next) < -time.Second {
			next = next.Add(time.Second)
		}
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return
		}
		show()
	}
	select {
	case <-time.After(time.Until(end)):
	case <-ctx.Done():
	}
}
