package main

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	ntpHeader    = 48   // octets, RFC 5905 figure 8
	underWayMax  = 4096 // datagrams that have arrived and not left
	answersMax   = 4096 // requests whose answers are still known as somebody's
	lateMax      = 1 << 20
	datagramMax  = 2048
	serverMax    = time.Millisecond
	crossingMax  = 20 * time.Microsecond // more is a machine that does something else
	controlSpace = 128
)

// relays passes the datagrams of all links, in one thread that does nothing else and which the kernel prefers to
// all others, if it may. It sleeps until shortly before something is due, and then spins. If it is awake it spins all the time but for short rests.
//
// A datagram's delay counts from when the kernel received it and not from when it was read, so that it does not matter how
// late the thread is woken, if only that is sooner than the delay. Its clock is CLOCK_REALTIME, by which the kernel stamps.
type relays struct {
	spin     time.Duration
	awake    bool
	rest     rest          // what it sleeps if it is awake
	crossing time.Duration // what it takes from a program that sends to the kernel's stamp for the one that receives
	poll     int           // an epoll instance
	links    []*link
	random   *rand.Rand
	queue    departureQueue
	number   int

	late    map[int][]time.Duration
	dropped int

	buffer  [datagramMax]byte
	control [controlSpace]byte
}

// link is the way between clients and one server, by two sockets. Whose answer it is that a server sends is
// told by the client's transmit stamp, which is random and comes back as the origin.
type link struct {
	linkPlan
	clients, server int // sockets
	asked           map[uint64]unix.Sockaddr
	order           []uint64 // of asked, the oldest first
}

// runNetwork is the process: it reads its plan, says where it listens, and passes datagrams until its input ends.
func runNetwork() error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	var plan networkPlan
	if err := json.Unmarshal(line, &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	runtime.LockOSThread() // the timer slack is the thread's
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	debug.SetGCPercent(-1) // it lives for minutes and makes some megabytes
	start := networkStart{}
	if err := prefer(os.Getpid()); err != nil {
		start.Realtime = err.Error()
	}
	r, addresses, err := openRelays(plan)
	if err != nil {
		start.Err = err.Error()
	}
	if err == nil {
		start.Addresses, start.Crossing = addresses, r.crossing
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(start); err != nil || start.Err != "" {
		return err
	}
	if err := r.run(); err != nil {
		return err
	}
	report := networkReport{Late: map[int]lateness{}, Dropped: r.dropped}
	for bed, late := range r.late {
		slices.Sort(late)
		report.Late[bed] = latenessOf(late)
	}
	return out.Encode(report)
}

func openRelays(plan networkPlan) (r *relays, addresses []string, err error) {
	r = &relays{spin: plan.Spin, awake: plan.Awake, random: rand.New(rand.NewPCG(plan.Seed, 1)), late: map[int][]time.Duration{}}
	r.rest.since = time.Now()
	if r.crossing, err = crossing(); err != nil {
		return nil, nil, err
	}
	if r.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := r.watch(0, endOfInput); err != nil {
		return nil, nil, err
	}
	for i, p := range plan.Links {
		l := &link{linkPlan: p, asked: map[uint64]unix.Sockaddr{}}
		if l.clients, err = stampedSocket(p.Listen, unix.Bind); err != nil {
			return nil, nil, fmt.Errorf("listen at %s: %w", p.Listen, err)
		}
		if l.server, err = stampedSocket(p.Server, unix.Connect); err != nil {
			return nil, nil, fmt.Errorf("face %s: %w", p.Server, err)
		}
		if err := r.watch(l.clients, int32(2*i)); err != nil {
			return nil, nil, err
		}
		if err := r.watch(l.server, int32(2*i+1)); err != nil {
			return nil, nil, err
		}
		name, err := unix.Getsockname(l.clients)
		if err != nil {
			return nil, nil, os.NewSyscallError("getsockname", err)
		}
		at := name.(*unix.SockaddrInet4)
		addresses = append(addresses, netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port)).String())
		r.links = append(r.links, l)
	}
	return r, addresses, nil
}

// endOfInput is what epoll calls standard input. Other numbers are twice that of a link, and 1 more for its server's side.
const endOfInput = -1

func (r *relays) watch(fd int, as int32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: as}))
}

// run passes datagrams until standard input ends.
func (r *relays) run() error {
	events := make([]unix.EpollEvent, 64)
	sleeper := []unix.PollFd{{Fd: int32(r.poll), Events: unix.POLLIN}}
	for {
		r.sendDue()
		if wait := r.untilSpin(); wait > 0 {
			timeout, asleep := unix.NsecToTimespec(int64(wait)), time.Now()
			if _, err := unix.Ppoll(sleeper, &timeout, nil); err != nil && err != unix.EINTR {
				return os.NewSyscallError("ppoll", err)
			}
			r.rest.took(asleep, time.Now())
		}
		n, err := unix.EpollWait(r.poll, events, 0)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == endOfInput {
				return nil
			}
			l := r.links[e.Fd/2]
			if e.Fd%2 == 0 {
				r.takeRequests(l)
			} else {
				r.takeReplies(l)
			}
		}
	}
}

// untilSpin is how long there is nothing to do but to wait for datagrams.
func (r *relays) untilSpin() time.Duration {
	switch {
	case r.awake:
		return r.rest.due(len(r.queue) == 0)
	case len(r.queue) == 0:
		return time.Hour
	}
	return time.Duration(r.queue[0].due-time.Now().UnixNano()) - r.spin
}

func (r *relays) sendDue() {
	for len(r.queue) > 0 && r.queue[0].due <= time.Now().UnixNano() {
		d := heap.Pop(&r.queue).(departure)
		if len(r.late[d.bed]) < lateMax {
			r.late[d.bed] = append(r.late[d.bed], time.Duration(time.Now().UnixNano()-d.due))
		}
		if d.to == nil {
			_, _ = unix.Write(d.socket, d.datagram)
		} else {
			_ = unix.Sendto(d.socket, d.datagram, 0, d.to)
		}
	}
}

func (r *relays) takeRequests(l *link) {
	for {
		n, arrived, from := r.receive(l.clients)
		if n < 0 {
			return
		}
		if n < ntpHeader || from == nil || len(r.queue) >= underWayMax {
			r.dropped++
			continue
		}
		transmit := binary.BigEndian.Uint64(r.buffer[40:])
		if len(l.order) == answersMax {
			delete(l.asked, l.order[0])
			l.order = l.order[1:]
		}
		l.asked[transmit], l.order = from, append(l.order, transmit)
		r.add(l, arrived, 2, l.server, nil, n)
	}
}

func (r *relays) takeReplies(l *link) {
	for {
		n, arrived, _ := r.receive(l.server)
		if n < 0 {
			return
		}
		if n < ntpHeader || len(r.queue) >= underWayMax {
			r.dropped++
			continue
		}
		to := l.asked[binary.BigEndian.Uint64(r.buffer[24:])]
		if to == nil {
			r.dropped++
			continue
		}
		from, crossings := departed(arrived, binary.BigEndian.Uint64(r.buffer[40:]))
		r.add(l, from, crossings, l.clients, to, n)
	}
}

// departed is when a reply has left its server by that server's own account, its transmit stamp, and how many times it crosses that is not yet
// part of its way then. The clock is the host's for all here, and what the server takes from its stamp until it has sent would else be added to the
// path. What it takes to cross to here is after the stamp, so it is in the way already. Where the stamp cannot be that of this reply it is when it arrived.
func departed(arrived int64, transmit uint64) (from int64, crossings int) {
	const from1900To1970 = 2_208_988_800
	seconds, fraction := int64(transmit>>32)-from1900To1970, int64(transmit&math.MaxUint32*uint64(time.Second)>>32)
	if sent := seconds*int64(time.Second) + fraction; sent <= arrived && arrived-sent < int64(serverMax) {
		return sent, 1
	}
	return arrived, 2
}

// add has a datagram leave so long after it that it is there when its path is over. What it takes to cross from a program to the next, so many
// times, comes off: from here always, and to here if that was before.
func (r *relays) add(l *link, after int64, crossings int, socket int, to unix.Sockaddr, n int) {
	r.number++
	due := after + int64(l.Path.draw(r.random)-time.Duration(crossings)*r.crossing)
	heap.Push(&r.queue, departure{due, r.number, l.Bed, socket, to, slices.Clone(r.buffer[:n])})
}
