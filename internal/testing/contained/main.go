//go:build linux

// Contained is a program that uses the clock and says whether what it was told is true. Its tests run
// it in containers of many kinds: each may make it refuse, and none may make it wrong, hang or panic.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/internal/testing/seccomp"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// What the program ends with. A panic is 2.
const (
	exitTrue     = 0
	exitWrong    = 1
	exitRefused  = 3
	exitNoFilter = 4
)

const (
	widest     = 100 * time.Millisecond
	answersFor = 500 * time.Millisecond // several polls
	pollEvery  = 50 * time.Millisecond
)

func main() {
	servers := flag.String("servers", "", "addresses of NTP servers that serve this host's clock, with commas in between")
	raw := flag.Bool("raw", false, "vouch for CLOCK_MONOTONIC_RAW")
	refuse := flag.String("refuse", "", "system calls that fail from now on, as EPERM:adjtimex,perf_event_open; and from:N for all from a number on")
	within := flag.Duration("within", 30*time.Second, "how long to wait for the first answer")
	store := flag.String("store", "", "where the bound of a hybrid logical clock is kept; empty for none")
	flag.Parse()
	if *refuse != "" {
		err := seccomp.Install(*refuse)
		if err == nil { // from its first instruction on, Go's runtime is to find them refused
			err = syscall.Exec(os.Args[0], []string{os.Args[0], "-servers", *servers, "-store", *store, "-within", within.String(), "-raw=" + strconv.FormatBool(*raw)}, os.Environ())
		}
		fmt.Println("no filter:", err)
		os.Exit(exitNoFilter)
	}
	if *store != "" {
		_, err := hlc.OpenFileStore(*store)
		fmt.Println("store:", err)
	}
	os.Exit(use(strings.Split(*servers, ","), *raw, *within))
}

// use asks a clock again and again, and waits for what it says.
func use(servers []string, raw bool, within time.Duration) (exit int) {
	refused := func(err error) int {
		fmt.Println("refused:", err)
		return exitRefused
	}
	options := []truetime.Option{truetime.WithPoll(pollEvery, pollEvery)}
	if raw {
		counter, err := monotonic.Raw()
		if err != nil {
			return refused(err)
		}
		options = append(options, truetime.WithCounter(counter))
	}
	clock, err := truetime.New(ntpsrc.Servers(servers...), options...)
	if err != nil {
		return refused(err)
	}
	defer clock.Close()
	ctx := context.Background()
	first, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := clock.WaitSynchronized(first, widest); err != nil {
		return refused(err)
	}
	answers, wrong := 0, 0
	judge := func(right bool) {
		answers++
		if !right {
			wrong++
		}
	}
	for begun := time.Now(); time.Since(begun) < answersFor; {
		before := truth()
		now, err := clock.Now()
		after := truth()
		if err != nil {
			return refused(err)
		}
		judge(now.Earliest <= after && now.Latest >= before)
		if err := commitwait.Until(ctx, clock, now.Latest); err != nil {
			return refused(err)
		}
		judge(truth() > now.Latest)
	}
	fmt.Printf("%d answers, %d wrong; %s\n", answers, wrong, clock.Status().Counter)
	if wrong > 0 {
		return exitWrong
	}
	return exitTrue
}

// truth is the clock that the servers serve, which no time namespace shifts.
func truth() truetime.Time { return truetime.FromStd(time.Now()) }
