//go:build linux

package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// channel is the truth channel: a line each way for each request. It is for any goroutine.
type channel struct {
	turn   chan struct{} // full while somebody waits for an answer
	conn   net.Conn
	reader *bufio.Reader
	number uint64
}

func dialChannel(path string) (*channel, error) {
	conn, err := dialUnix(path)
	if err != nil {
		return nil, err
	}
	return &channel{turn: make(chan struct{}, 1), conn: conn, reader: bufio.NewReader(conn)}, nil
}

// reply is what a guest answered, and between which times of the host it did.
type reply struct {
	text          string
	before, after truetime.Time
}

// refusal is what a guest could not do.
type refusal string

func (r refusal) Error() string { return "the guest: " + string(r) }

// ask sends a request and waits for the answer to it, until ctx is done.
func (c *channel) ask(ctx context.Context, request string) (reply, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done(): // whoever waits does so for a machine that is asleep
		return reply{}, fmt.Errorf("ask the guest for %q: %w", request, ctx.Err())
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			_ = c.conn.SetReadDeadline(time.Time{})
		}
	}()
	c.number++
	number := strconv.FormatUint(c.number, 10)
	before := truetime.Time(testbed.Realtime())
	if _, err := c.conn.Write([]byte(number + " " + request + "\n")); err != nil {
		return reply{}, fmt.Errorf("ask the guest for %q: %w", request, err)
	}
	for {
		line, err := c.reader.ReadString('\n')
		after := truetime.Time(testbed.Realtime())
		if err != nil {
			return reply{}, fmt.Errorf("ask the guest for %q: %w", request, errors.Join(err, ctx.Err()))
		}
		// Answers to requests that were given up are passed over, as is half a line.
		rest, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), number+" ")
		if !found {
			continue
		}
		if text, ok := strings.CutPrefix(rest, "error "); ok {
			return reply{}, refusal(text)
		}
		return reply{strings.TrimPrefix(strings.TrimPrefix(rest, "ok"), " "), before, after}, nil
	}
}

// startLimit is how long qemu may take to open its sockets, and a guest to boot, on a host that is busy.
const startLimit = 3 * time.Minute

// dialUnix connects to a socket that may not be there yet.
func dialUnix(path string) (net.Conn, error) {
	for end := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn, nil
		}
		early := errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
		if !early || time.Now().After(end) {
			return nil, err
		}
	}
}
