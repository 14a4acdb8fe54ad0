package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/daemon"
	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/internal/demo"
	"github.com/epsilontime/epsilon/internal/webserver"
)

func newServe(s *settings) *cobra.Command {
	var path, http, faults string
	var isDemo bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the clock of this host",
		Long: `Serve polls the sources of the configuration and answers at a Unix socket until it
is told to stop (SIGTERM or SIGINT). It never sets or steers the system clock.

The configuration is ` + config.DefaultPath + `, or the file of --config; "epsilon
help config" describes it. If there is none, the servers of the host's chrony
configuration are asked. With --demo it asks servers that it brings along, one of
which lies, and needs no network: to try it, and for tests of programs in any
language. "epsilon help demo" has the faults that --demo-script makes it suffer.

SIGHUP, or "epsilon reload", has it read the configuration again. If that is bad
the old one stays. If other sources are to be asked, a new clock is started beside
the old one, which answers until the new one can.

systemd is told that the service is ready once ε is at most ready.within, and its
watchdog hears from the daemon only when the clock has published something.

With --http, or [http] in the configuration, a browser sees the clock live at that
address. Programs find /status, /now, /history, /events, /fleet,
/readyz?within=1ms and /livez there. Nothing can be changed by it, and whoever
reaches it can read it.`,
		Example: "  epsilon serve --demo\n  epsilon serve --demo --http 127.0.0.1:9123\n  epsilon serve --config ./epsilon.toml --socket /tmp/epsilon.socket",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			isDemo = isDemo || faults != ""
			options := daemon.Options{Version: version(), Level: &slog.LevelVar{}}
			if cmd.Flags().Changed("http") {
				at, err := webserver.ParseAddress(http)
				if err == nil {
					err = webserver.Check([]netip.AddrPort{at})
				}
				if err != nil {
					return fmt.Errorf("--http: %w", err)
				}
				options.HTTP = []netip.AddrPort{at}
			}
			var servers demo.Servers
			var script demo.Script
			var hypervisor *demo.Hypervisor // nil if the script does not disrupt
			if isDemo {
				var err error
				if script, err = readScript(faults); err != nil {
					return err
				}
				if servers, err = demo.Start(); err != nil {
					return not(err)
				}
				defer servers.Close()
				at := ""
				if script.Disrupts() {
					if hypervisor, err = demo.NewHypervisor(); err != nil {
						return not(err)
					}
					defer hypervisor.Close()
					at = hypervisor.Path()
				}
				options.Config = config.OfDemo(servers, at)
				options.Version += " (demonstration)" // in the log, the page, the metrics and what status says
			} else {
				options.Load = func() (*config.Config, error) { return config.Find(path) }
				var err error
				if options.Config, err = options.Load(); err != nil {
					return err
				}
			}
			var err error
			if options.Socket, err = socketOf(s, options.Config); err != nil {
				return err
			}
			options.Segment = options.Config.SegmentOr(filepath.Join(filepath.Dir(options.Socket), filepath.Base(hostclock.DefaultPath)))
			if isDemo && options.Segment == hostclock.DefaultPath {
				options.Segment = ""
				options.Config.Notes = append(options.Config.Notes, "It is not published at "+hostclock.DefaultPath+
					", where programs look for the clock of this host. With another --socket it is published beside that.")
			}
			options.Level.Set(options.Config.LogLevel)
			options.Log = daemon.NewLogger(cmd.ErrOrStderr(), options.Config.LogJSON, options.Level)
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			ctx, stop := context.WithCancel(cmd.Context())
			var playing sync.WaitGroup
			defer playing.Wait()
			defer stop()
			started := func(*daemon.Daemon) {
				playing.Go(func() {
					servers.Play(ctx, script, hypervisor, func(what string) { options.Log.Warn("the demonstration: " + what) })
				})
			}
			if err := daemon.Run(ctx, options, started, reload); err != nil {
				return not(err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&path, "config", "", "`path` of the configuration (default "+config.DefaultPath+")")
	c.Flags().StringVar(&http, "http", "", "serve the status page at an `address`, as in 127.0.0.1:9123, in place of where [http] says")
	c.Flags().BoolVar(&isDemo, "demo", false, "ask demonstration servers that the daemon starts on loopback")
	c.Flags().StringVar(&faults, "demo-script", "", "as --demo, with the faults that a `file` has: epsilon help demo")
	c.MarkFlagsMutuallyExclusive("config", "demo")
	c.MarkFlagsMutuallyExclusive("config", "demo-script")
	return c
}

// readScript reads the faults of a demonstration; without a path there are none.
func readScript(path string) (demo.Script, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--demo-script: %w", err)
	}
	return demo.ParseScript(path, string(text))
}

// socketOf is where to listen: as the command line says, or the configuration, or by default.
func socketOf(s *settings, c *config.Config) (string, error) {
	switch {
	case s.socket != "":
		return s.socket, nil
	case os.Getenv("EPSILON_SOCKET") != "":
		return os.Getenv("EPSILON_SOCKET"), nil
	case c.Socket != "":
		return c.Socket, nil
	}
	return api.DefaultSocket()
}
