package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

var (
	// ErrNoDaemon: nobody answers at the socket.
	ErrNoDaemon = errors.New("no daemon")

	// ErrStuck: somebody listens at the socket, and does not answer in time. It comes with ErrNoDaemon.
	ErrStuck = errors.New("it is stuck")

	// ErrBehind: events were missed.
	ErrBehind = errors.New("events were missed, as they are read more slowly than they come: start again")
)

// Limits of what a client reads, and of how long it waits for it.
const (
	maxReply    = 16 << 20
	maxLatency  = 10 * time.Second
	waitLatency = 5 * time.Second // beyond what the daemon was asked to wait
)

// Client asks a daemon. It gives up where an answer, or the beginning of a stream, does not come in 10 s.
type Client struct {
	path    string
	http    http.Client
	streams http.Client
}

// NewClient makes a client of the daemon at a socket. It connects when it is asked something.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{
		path:    path,
		http:    http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}},
		streams: http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true, ResponseHeaderTimeout: maxLatency}},
	}
}

// Path is where the client looks for the daemon.
func (c *Client) Path() string { return c.path }

// Close closes idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.streams.CloseIdleConnections()
}

// Status returns a report.
func (c *Client) Status(ctx context.Context) (r Report, err error) {
	err = c.get(ctx, "/status", &r)
	return r, err
}

// Now returns what the clock answers.
func (c *Client) Now(ctx context.Context) (r Reading, err error) {
	err = c.get(ctx, "/now", &r)
	return r, err
}

// History returns ε of the last minutes.
func (c *Client) History(ctx context.Context) (h History, err error) {
	err = c.get(ctx, "/history", &h)
	return h, err
}

// Wait waits until ε is at most within, for as long as wait and at most a minute. A within of 0 stands for
// what the daemon takes for ready.
func (c *Client) Wait(ctx context.Context, within, wait time.Duration) (r Readiness, err error) {
	query := url.Values{}
	if within > 0 {
		query.Set("within", within.String())
	}
	if wait > 0 {
		query.Set("wait", min(wait, maxWait).String())
	}
	err = c.do(ctx, http.MethodGet, "/readyz?"+query.Encode(), min(wait, maxWait)+waitLatency, &r)
	return r, err
}

// Reload has the daemon read its configuration.
func (c *Client) Reload(ctx context.Context) (Reloaded, error) {
	var r struct {
		Reloaded
		Problem
	}
	err := c.do(ctx, http.MethodPost, "/reload", maxLatency, &r)
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
	}
	return r.Reloaded, err
}

// Recording copies the journal of the clock's last minutes to w.
func (c *Client) Recording(ctx context.Context, w io.Writer) (int64, error) {
	response, err := c.stream(ctx, "/recording")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var p Problem
		_ = json.NewDecoder(io.LimitReader(response.Body, maxReply)).Decode(&p)
		return 0, fmt.Errorf("the daemon at %s gives no recording (%s): %s", c.path, response.Status, p.Err)
	}
	return io.Copy(w, response.Body)
}

// Events calls each for every event until ctx ends, the daemon goes, or it returns an error.
func (c *Client) Events(ctx context.Context, each func(truetime.Event) error) error {
	response, err := c.stream(ctx, "/events")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if lines.Text() == fallenBehind {
			return ErrBehind
		}
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var e truetime.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("an event that cannot be understood: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the daemon has ended the stream: %w", errors.Join(lines.Err(), ErrNoDaemon))
}

func (c *Client) get(ctx context.Context, path string, object any) error {
	return c.do(ctx, http.MethodGet, path, maxLatency, object)
}

// do asks, and reads an answer that has to be there within a time.
func (c *Client) do(ctx context.Context, method, path string, within time.Duration, object any) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	status, body, err := c.exchange(limited, method, path)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return c.stuck(within)
	case err != nil:
		return err
	case status == http.StatusBadRequest:
		var p Problem
		_ = json.Unmarshal(body, &p)
		return errors.New(p.Err)
	}
	if err := json.Unmarshal(body, object); err != nil {
		return fmt.Errorf("what listens at %s is no daemon of this kind: it answers %s with %.60q", c.path, path, body)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, method, path string) (status int, body []byte, err error) {
	response, err := c.send(ctx, &c.http, method, path)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: the daemon at %s went away while it answered: %w", ErrNoDaemon, c.path, err)
	}
	return response.StatusCode, body, nil
}

// stream asks for what comes little by little. Only its beginning has to be there within a time.
func (c *Client) stream(ctx context.Context, path string) (*http.Response, error) {
	return c.send(ctx, &c.streams, http.MethodGet, path)
}

func (c *Client) send(ctx context.Context, by *http.Client, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://epsilon"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := by.Do(request)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return response, nil
}

func (c *Client) stuck(within time.Duration) error {
	return fmt.Errorf("%w answers at %s within %v, though one listens there: %w; see \"systemctl status epsilon\", and start it again", ErrNoDaemon, c.path, within, ErrStuck)
}

func (c *Client) explain(ctx context.Context, err error) error {
	var late interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &late) && late.Timeout():
		return c.stuck(maxLatency)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w runs here: there is no socket %s; start one with \"epsilon serve\", or say where it is with --socket", ErrNoDaemon, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w can be asked: no permission to use the socket %s", ErrNoDaemon, c.path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w listens at %s: one that has ended has left the socket behind; start it with \"epsilon serve\"", ErrNoDaemon, c.path)
	}
	return fmt.Errorf("%w answers at %s: %w", ErrNoDaemon, c.path, err)
}
