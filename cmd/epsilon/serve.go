package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
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
	var path, http string
	var isDemo bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the clock of this host",
		Long: `Serve polls the sources of the configuration and answers at a Unix socket until it
is told to stop (SIGTERM or SIGINT). It never sets or steers the system clock.

The configuration is ` + config.DefaultPath + `, or the file of --config; "epsilon
help config" describes it. If there is none, the servers of the host's chrony
configuration are asked. With --demo it asks servers that it brings along, one of
which lies, and needs no network.

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
			if isDemo {
				servers, err := demo.Start()
				if err != nil {
					return not(err)
				}
				defer servers.Close()
				options.Config = config.OfDemo(servers)
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
			options.Level.Set(options.Config.LogLevel)
			options.Log = daemon.NewLogger(cmd.ErrOrStderr(), options.Config.LogJSON, options.Level)
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			if err := daemon.Run(cmd.Context(), options, nil, reload); err != nil {
				return not(err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&path, "config", "", "`path` of the configuration (default "+config.DefaultPath+")")
	c.Flags().StringVar(&http, "http", "", "serve the status page at an `address`, as in 127.0.0.1:9123, in place of where [http] says")
	c.Flags().BoolVar(&isDemo, "demo", false, "ask demonstration servers that the daemon starts on loopback")
	c.MarkFlagsMutuallyExclusive("config", "demo")
	return c
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
