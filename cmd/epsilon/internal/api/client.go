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

// ErrNoDaemon: nobody answers at the socket.
var ErrNoDaemon = errors.New("no daemon")

// maxReply bounds what is read of an answer.
const maxReply = 16 << 20

// Client asks a daemon.
type Client struct {
	path string
	http http.Client
}

// NewClient makes a client of the daemon at a socket. It connects when it is asked something.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}
}

// Path is where the client looks for the daemon.
func (c *Client) Path() string { return c.path }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status returns a report.
func (c *Client) Status(ctx context.Context) (r Report, err error) {
	_, err = c.get(ctx, "/status", &r)
	return r, err
}

// Now returns what the clock answers.
func (c *Client) Now(ctx context.Context) (r Reading, err error) {
	_, err = c.get(ctx, "/now", &r)
	return r, err
}

// History returns ε of the last minutes.
func (c *Client) History(ctx context.Context) (h History, err error) {
	_, err = c.get(ctx, "/history", &h)
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
	_, err = c.get(ctx, "/readyz?"+query.Encode(), &r)
	return r, err
}

// Reload has the daemon read its configuration.
func (c *Client) Reload(ctx context.Context) error {
	var p Problem
	_, err := c.do(ctx, http.MethodPost, "/reload", &p)
	if err == nil && p.Err != "" {
		err = errors.New(p.Err)
	}
	return err
}

// Recording copies the journal of the clock's last minutes to w.
func (c *Client) Recording(ctx context.Context, w io.Writer) (int64, error) {
	response, err := c.send(ctx, http.MethodGet, "/recording")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the daemon at %s has no recording: it answers %s", c.path, response.Status)
	}
	return io.Copy(w, response.Body)
}

// Events calls each for every event until ctx ends, the daemon goes, or it returns an error.
func (c *Client) Events(ctx context.Context, each func(truetime.Event) error) error {
	response, err := c.send(ctx, http.MethodGet, "/events")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
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

func (c *Client) get(ctx context.Context, path string, object any) (status int, err error) {
	return c.do(ctx, http.MethodGet, path, object)
}

func (c *Client) do(ctx context.Context, method, path string, object any) (status int, err error) {
	response, err := c.send(ctx, method, path)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return 0, fmt.Errorf("%w: the daemon at %s went away while it answered: %w", ErrNoDaemon, c.path, err)
	}
	if response.StatusCode == http.StatusBadRequest {
		var p Problem
		_ = json.Unmarshal(body, &p)
		return 0, errors.New(p.Err)
	}
	if err := json.Unmarshal(body, object); err != nil {
		return 0, fmt.Errorf("what listens at %s is no daemon of this kind: it answers %s with %.60q", c.path, path, body)
	}
	return response.StatusCode, nil
}

func (c *Client) send(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://epsilon"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return response, nil
}

func (c *Client) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w runs here: there is no socket %s; start one with \"epsilon serve\", or say where it is with --socket", ErrNoDaemon, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w can be asked: no permission to use the socket %s", ErrNoDaemon, c.path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w listens at %s: one that has ended has left the socket behind; start it with \"epsilon serve\"", ErrNoDaemon, c.path)
	}
	return fmt.Errorf("%w answers at %s: %w", ErrNoDaemon, c.path, err)
}
