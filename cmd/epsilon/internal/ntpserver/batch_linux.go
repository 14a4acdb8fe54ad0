package ntpserver

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/internal/wallclock"
)

// batchSize is how many requests are received by one system call, and answered by one. The last of
// them waits for the others, so it is no more than pays.
const batchSize = 16

// requestSize is room for the header, and for the fields that a client of package ntpsrc sends.
const requestSize = 128

// batch is the memory for the datagrams of one system call, made once. The kernel writes to it by
// addresses that are in it: it must not be copied.
type batch struct {
	in, out [batchSize]message
	slots   [batchSize]slot
}

// message is a struct mmsghdr (recvmmsg(2)).
type message struct {
	header unix.Msghdr
	length uint32
}

// slot is one request and its reply.
type slot struct {
	request [requestSize]byte // what is beyond it is cut off
	reply   [largestReply]byte
	name    unix.RawSockaddrInet6 // of the client, or a RawSockaddrInet4 in its place
	into    [128]byte             // control messages of the request
	from    [64]byte              // control message of the reply
	vectors [2]unix.Iovec
	parsed  request // of the request
	timed   bool    // it gets a reply with a time
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.slots {
		s := &b.slots[i]
		s.vectors[0].Base = &s.request[0]
		s.vectors[0].SetLen(requestSize)
		s.vectors[1].Base = &s.reply[0]
		b.in[i].header.Name = (*byte)(unsafe.Pointer(&s.name))
		b.in[i].header.Control = &s.into[0]
		b.in[i].header.Iov = &s.vectors[0]
		b.in[i].header.SetIovlen(1)
		b.in[i].prepare()
	}
	return b
}

// prepare sets what the kernel has overwritten.
func (m *message) prepare() {
	m.header.Namelen = uint32(unsafe.Sizeof(unix.RawSockaddrInet6{}))
	m.header.SetControllen(len(slot{}.into))
}

// receive takes the requests that have come, and returns how many.
func (b *batch) receive(fd uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// send sends the first count of the replies that were put into out, and returns how many did not
// leave. It never waits.
func (b *batch) send(fd, count int) (failed int) {
	for sent := 0; sent < count; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[sent])), uintptr(count-sent), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			failed, sent = failed+1, sent+1
		default:
			sent += int(n)
		}
	}
	return failed
}

// put makes the reply of a request, so many bytes of it, the next message to be sent.
func (b *batch) put(i, at, size int) {
	s, in, out := &b.slots[i], &b.in[i].header, &b.out[at].header
	out.Name, out.Namelen = in.Name, in.Namelen
	out.Iov = &s.vectors[1]
	out.SetIovlen(1)
	s.vectors[1].SetLen(size)
	out.Control = nil
	out.SetControllen(0)
}

// extend appends bounds to the reply of a request.
func (b *batch) extend(i int, bounds extension.Bounds) {
	s := &b.slots[i]
	extension.AppendBounds(s.reply[:messageSize], bounds)
	s.vectors[1].SetLen(largestReply)
}

// received is the part of a request that was kept.
func (b *batch) received(i int) []byte {
	return b.slots[i].request[:min(int(b.in[i].length), requestSize)]
}

// control is the control messages that came with a request.
func (b *batch) control(i int) []byte {
	return b.slots[i].into[:min(int(b.in[i].header.Controllen), len(slot{}.into))]
}

// stamp is when the kernel received a request, by CLOCK_REALTIME, or 0.
func (b *batch) stamp(i int) int64 { return wallclock.SoftwareStamp(b.control(i)) }

// client is who sent a request. It is not valid if there is no port to answer to.
func (b *batch) client(i int) netip.Addr {
	s := &b.slots[i]
	switch s.name.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name))
		if a.Port != 0 {
			return netip.AddrFrom4(a.Addr)
		}
	case unix.AF_INET6:
		if s.name.Port != 0 {
			return netip.AddrFrom16(s.name.Addr)
		}
	}
	return netip.Addr{}
}

// replyFromAsked has the reply leave from the address that was asked (ip(7), IP_PKTINFO, and
// ipv6(7)). It returns false if that is not an address to send from.
func (b *batch) replyFromAsked(i, at int) bool {
	s, out := &b.slots[i], &b.out[at].header
	for rest := b.control(i); len(rest) >= unix.SizeofCmsghdr; {
		h, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return false
		}
		rest = next
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			// ipi_ifindex, ipi_spec_dst, ipi_addr: the host's own address, and the one that the request
			// was sent to. They differ for a broadcast.
			if [4]byte(data[4:8]) != [4]byte(data[8:12]) {
				return false
			}
			data = s.cmsg(out, h, unix.SizeofInet4Pktinfo, data)
			binary.NativeEndian.PutUint32(data, 0) // by whichever interface
			return true
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			if data[0] == 0xff {
				return false // multicast
			}
			linkLocal := data[0] == 0xfe && data[1]&0xc0 == 0x80
			data = s.cmsg(out, h, unix.SizeofInet6Pktinfo, data)
			if !linkLocal {
				binary.NativeEndian.PutUint32(data[16:], 0)
			}
			return true
		}
	}
	return false
}

// cmsg sets the control message of a reply and returns its data.
func (s *slot) cmsg(out *unix.Msghdr, h unix.Cmsghdr, size int, data []byte) []byte {
	own := (*unix.Cmsghdr)(unsafe.Pointer(&s.from[0]))
	own.Level, own.Type = h.Level, h.Type
	own.SetLen(unix.CmsgLen(size))
	copy(s.from[unix.CmsgLen(0):], data[:size])
	out.Control = &s.from[0]
	out.SetControllen(unix.CmsgSpace(size))
	return s.from[unix.CmsgLen(0):][:size]
}
