package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
)

func newTop(s *settings) *cobra.Command {
	every := time.Second
	c := &cobra.Command{
		Use:   "top",
		Short: "Watch ε, its parts and every source, live",
		Long: `Top shows ε and its parts, the sawtooth of ε over the last minutes, and the interval
of each source beside the clock's, drawn to scale. The key q, or Ctrl-C, ends it.
Where its output is no terminal it prints one screen of 80 by 24 and ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const fastest = 100 * time.Millisecond
			if every < fastest {
				return fmt.Errorf("--every %v: it must be %v or more", every, fastest)
			}
			client := s.client()
			defer client.Close()
			out, isFile := cmd.OutOrStdout().(*os.File)
			if !isFile || !term.IsTerminal(int(out.Fd())) {
				const columns, rows = 80, 24
				screen, err := drawTop(cmd.Context(), client, columns, rows)
				if err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), screen)
				return err
			}
			return live(cmd.Context(), client, out, every)
		},
	}
	c.Flags().DurationVar(&every, "every", every, "how `often` to draw")
	return c
}

func drawTop(ctx context.Context, client *api.Client, columns, rows int) (string, error) {
	r, err := client.Status(ctx)
	if err != nil {
		return "", err
	}
	h, err := client.History(ctx)
	if err != nil {
		return "", err
	}
	return view.Top(r, h, columns, rows), nil
}

// Control sequences of terminals (ECMA-48, and xterm for the other screen).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	bold        = "\x1b[1m"
	normal      = "\x1b[0m"
)

// live draws until it is told to end. A daemon that goes away is waited for.
func live(ctx context.Context, client *api.Client, out *os.File, every time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err == nil {
			defer func() { _ = term.Restore(in, before) }()
			go quitByKey(cancel)
		}
	}
	fmt.Fprint(out, enterScreen)
	defer fmt.Fprint(out, leaveScreen)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		columns, rows, err := term.GetSize(int(out.Fd()))
		if err != nil {
			columns, rows = 80, 24
		}
		screen, err := drawTop(ctx, client, columns, rows-1) // the last row would scroll
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, api.ErrNoDaemon):
			screen = view.Wrap(err.Error(), columns, "") + "\n"
		case err != nil:
			return err
		}
		first, rest, _ := strings.Cut(screen, "\n")
		text := home + bold + first + normal + clearLine + "\r\n" + strings.ReplaceAll(rest, "\n", clearLine+"\r\n") + clearBelow
		if _, err := io.WriteString(out, text); err != nil {
			return nil // the terminal has gone
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// quitByKey waits for q, or for Ctrl-C or Ctrl-D, which in raw mode are keys like any other. It ends with
// the process.
func quitByKey(quit func()) {
	key := make([]byte, 1)
	for {
		if n, err := os.Stdin.Read(key); n == 0 || err != nil {
			return
		}
		switch key[0] {
		case 'q', 'Q', 3, 4:
			quit()
			return
		}
	}
}
