//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// guest is what the machine keeps: a clock, if it was told of servers.
type guest struct {
	how     timekeeping
	clock   *truetime.Clock
	counter monotonic.Counter // the one that the clock reads
	sources []*counted
	epoch   atomic.Uint64 // which answers are certainly of, or of a later one

	mu     sync.Mutex
	events []string
}

// timekeeping is how a clock is to be kept: as flags say.
type timekeeping struct {
	servers string // separated by commas; empty for no clock
	poll    time.Duration
	unseen  time.Duration
}

// keepTime starts the clock, in place of the one that there was.
func (g *guest) keepTime() (err error) {
	how := g.how
	if how.servers == "" {
		return nil
	}
	if g.clock != nil {
		_ = g.clock.Close() // always nil
	}
	g.mu.Lock() // events wait until there is a clock to ask
	defer g.mu.Unlock()
	if g.counter, err = monotonic.System(); err != nil {
		return err
	}
	g.epoch.Store(1)
	g.sources, g.events = nil, nil
	var sources []truetime.Source
	for _, server := range strings.Split(how.servers, ",") {
		c := &counted{Source: ntpsrc.Server(server, ntpsrc.WithLocalReference())}
		g.sources = append(g.sources, c)
		sources = append(sources, c)
	}
	options := []truetime.Option{truetime.WithCounter(g.counter), truetime.WithPoll(how.poll, 4*how.poll), truetime.WithEvents(g.note)}
	if how.unseen > 0 {
		options = append(options, truetime.WithUnseenPause(how.unseen))
	}
	g.clock, err = truetime.New(sources, options...)
	return err
}

// maxEvents bounds what is remembered.
const maxEvents = 1000

func (g *guest) note(e truetime.Event) {
	fmt.Println("guest:", e)
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.Kind == truetime.EventDisruption {
		// An event may be told before what it is about is seen by Now, but Status waits for that.
		g.epoch.Store(g.clock.Status().Epoch)
	}
	if len(g.events) < maxEvents {
		g.events = append(g.events, e.String())
	}
}

// now is one answer of the clock: the epoch, the counter's reading in nanoseconds, the polls of each
// source that have ended, and "interval" with its two ends or "refused" with the reason.
func (g *guest) now() (line []byte) {
	if g.clock == nil {
		return []byte("0 0 0 refused there is no clock")
	}
	epoch := g.epoch.Load() // first: what Now says is of this epoch or of a later one
	interval, err := g.clock.Now()
	line = strconv.AppendUint(line, epoch, 10)
	line = append(line, ' ')
	line = strconv.AppendInt(line, int64(g.counter.Now()), 10)
	line = append(line, ' ')
	for i, s := range g.sources {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendInt(line, s.polls.Load(), 10)
	}
	if err != nil {
		return append(line, " refused "+oneLine(err.Error())...)
	}
	line = append(line, " interval "...)
	line = strconv.AppendInt(line, int64(interval.Earliest), 10)
	line = append(line, ' ')
	return strconv.AppendInt(line, int64(interval.Latest), 10)
}

// report is what the host may want to know about the clock.
type report struct {
	Status  truetime.Status
	Summary string
	Events  []string
}

func (g *guest) status() report {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.clock.Status()
	return report{s, s.Summary(), g.events}
}

// counted is a source whose polls are counted as they end.
type counted struct {
	truetime.Source
	polls atomic.Int64
}

func (c *counted) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	defer c.polls.Add(1)
	return c.Source.Sample(ctx, counter)
}
