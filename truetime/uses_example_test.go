package truetime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// hostClock is a source that takes the host's wall clock for within a millisecond of true time.
type hostClock string

func (h hostClock) Info() truetime.SourceInfo { return truetime.SourceInfo{Name: string(h)} }

func (hostClock) Sample(_ context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	const claim = time.Millisecond
	sent := counter.Now()
	now := truetime.FromStd(time.Now())
	received := counter.Now()
	return truetime.Sample{
		Sent: sent, Latest: now.Add(claim),
		Received: received, Earliest: now.Add(-claim),
		Claim: claim,
	}, nil
}

// A source reads the clock's counter before and after it reads its own, and says by how much that
// may be wrong.
func ExampleSource() {
	clock, err := truetime.New([]truetime.Source{hostClock("a"), hostClock("b"), hostClock("c")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	fmt.Println(clock.WaitSynchronized(context.Background(), 2*time.Millisecond))
	// Output: <nil>
}

// A server becomes ready when the time that it would stamp things with is known well enough.
func ExampleClock_WaitSynchronized() {
	clock, err := truetime.New([]truetime.Source{hostClock("a")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := clock.WaitSynchronized(ctx, 10*time.Millisecond); err != nil {
		fmt.Println("not ready:", err) // which sources did not answer, and why
		return
	}
	fmt.Println("ready")
	// Output: ready
}

// A record that expires is dropped when its time has certainly passed, and used while it has
// certainly not: in between neither.
func ExampleClock_After() {
	clock, err := truetime.New([]truetime.Source{hostClock("a")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(context.Background(), 10*time.Millisecond); err != nil {
		fmt.Println(err)
		return
	}
	now, err := clock.Now()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, expiry := range []truetime.Time{now.Earliest.Add(-time.Hour), now.Latest.Add(time.Hour)} {
		fmt.Println("drop:", clock.After(expiry), "use:", clock.Before(expiry))
	}
	// Output:
	// drop: true use: false
	// drop: false use: true
}

// Two events are ordered for certain if their intervals do not overlap, on whatever machines they
// were read.
func ExampleInterval_Overlaps() {
	noon := truetime.FromStd(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	read := func(at time.Duration) truetime.Interval {
		now, _ := truetimetest.NewManual(noon.Add(at), time.Millisecond).Now()
		return now
	}
	a, b, c := read(0), read(1500*time.Microsecond), read(5*time.Millisecond)
	fmt.Println("a and b may have happened in either order:", a.Overlaps(b))
	fmt.Println("a happened before c:", a.Latest.Before(c.Earliest))
	// Output:
	// a and b may have happened in either order: true
	// a happened before c: true
}

// Two servers of one operator have one vote: whatever is wrong with one may be wrong with both.
func ExampleGroup() {
	sources := append(
		truetime.Group("example.net", hostClock("ntp1.example.net"), hostClock("ntp2.example.net")),
		hostClock("ntp.example.org"), hostClock("ntp.example.com"),
	)
	clock, err := truetime.New(sources)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	s := clock.Status()
	fmt.Println(len(s.Sources), "sources,", s.Voters, "voters, of which", s.Faulty, "may be wrong")
	// Output: 4 sources, 3 voters, of which 1 may be wrong
}

// A Status is for people, for programs, and for logs; its Budget says why the uncertainty is what
// it is.
func ExampleClock_Status() {
	clock, err := truetime.New([]truetime.Source{hostClock("a")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(context.Background(), 10*time.Millisecond); err != nil {
		fmt.Println(err)
		return
	}
	s := clock.Status()
	fmt.Println(s.State, "by", s.Budget.LatestFrom)
	fmt.Println("claimed by the source:", s.Budget.Claim)
	fmt.Println("the parts add up:", s.Budget.Uncertainty() == s.Uncertainty)
	text, err := json.Marshal(s)
	fmt.Println("as JSON:", len(text) > 0, err)
	// Output:
	// synchronized by a
	// claimed by the source: 1ms
	// the parts add up: true
	// as JSON: true <nil>
}

// A Time is text with all its nanoseconds, in JSON as well.
func ExampleParseTime() {
	t, err := truetime.ParseTime("2026-11-20T09:37:48.123456789+01:00")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(map[string]truetime.Time{"committed": t})
	fmt.Println(string(text), err)
	// Output: {"committed":"2026-11-20T08:37:48.123456789Z"} <nil>
}

// A program that keeps the last minutes of its clock at all times can write them down when it is too late to
// begin.
func ExampleFlightRecorder() {
	flight := truetime.NewFlightRecorder(10 * time.Minute)
	clock, err := truetime.New([]truetime.Source{hostClock("a")}, truetime.WithFlightRecorder(flight))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	fmt.Println(clock.WaitSynchronized(context.Background(), 2*time.Millisecond))

	var journal bytes.Buffer // a file, in a program
	if _, err := flight.WriteTo(&journal); err != nil {
		fmt.Println(err)
	}
	fmt.Println(truetimetest.Replay(&journal, nil)) // on any machine
	// Output:
	// <nil>
	// <nil>
}
