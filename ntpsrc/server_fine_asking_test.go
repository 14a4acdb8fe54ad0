package ntpsrc

import (
	"context"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// scripted is a socket to a server that answers at once, or that is known at once not to.
type scripted struct {
	answer func(request []byte) []byte // nil for silence
	asked  *[]int                      // the lengths of all requests
	reply  []byte
}

func (s *scripted) send(request []byte) error {
	*s.asked = append(*s.asked, len(request))
	s.reply = s.answer(request)
	return nil
}

func (s *scripted) receive(_ context.Context, b []byte) (int, error) {
	if s.reply == nil {
		return 0, io.EOF
	}
	n := copy(b, s.reply)
	s.reply = nil
	return n, nil
}

func (s *scripted) close() error { return nil }

// poll polls a source as Sample does.
func poll(t *testing.T, s *server, wire *scripted) error {
	t.Helper()
	var counter monotonic.Manual
	to := netip.AddrPortFrom(s.place.server.at, s.place.port)
	c, err := s.ask(t.Context(), &counter, to, func(netip.AddrPort) (socket, error) { return wire, nil }, nil)
	if err != nil {
		return s.place.failed(s.place.server, err)
	}
	_, err = s.conclude(c, s.place, s.place.server)
	return err
}

const (
	plainSize = headerSize
	askedSize = headerSize + 56
)

// then is when the servers of these tests answer.
var then = time.Unix(1_900_000_000, 0)

// plainly answers whatever is asked by a header.
func plainly(request []byte) []byte {
	b := ntptest.Behavior{Clock: func() time.Time { return then }, Dispersion: time.Millisecond}
	return b.Reply(request, then)[0]
}

// finely answers with ends, too.
func finely(request []byte) []byte {
	reply := plainly(request)
	if len(request) > plainSize {
		h := parseHeader(reply)
		reply = extension.AppendBounds(reply, endsAt(h, time.Millisecond, time.Millisecond))
	}
	return reply
}

// requests polls so many times, and returns the lengths of the requests and how many got no sample.
func requests(t *testing.T, s *server, polls int, answer func(request []byte) []byte) (sizes []int, failed int) {
	t.Helper()
	for range polls {
		if poll(t, s, &scripted{answer: answer, asked: &sizes}) != nil {
			failed++
		}
	}
	return sizes, failed
}

func fine() *server { return Server("192.0.2.1", WithFineBounds()).(*server) }

func TestServerThatStatesFineBoundsIsAskedForThem(t *testing.T) {
	sizes, failed := requests(t, fine(), 5, finely)
	require.Zero(t, failed)
	require.Equal(t, []int{plainSize, askedSize, askedSize, askedSize, askedSize}, sizes, "a server is asked plainly until it has answered")

	sizes, _ = requests(t, Server("192.0.2.1").(*server), 3, finely)
	require.Equal(t, []int{plainSize, plainSize, plainSize}, sizes, "without the option nobody asks")
}

// Whatever a server does with the question, a plain request follows each one that failed, and after
// three questions in vain there are none for a long time.
func TestNoServerIsLostByTheQuestion(t *testing.T) {
	onlyPlain := func(of func([]byte) []byte) func([]byte) []byte {
		return func(request []byte) []byte {
			if len(request) > plainSize {
				return of(request)
			}
			return plainly(request)
		}
	}
	alternating := []int{plainSize, askedSize, plainSize, askedSize, plainSize, askedSize, plainSize, plainSize, plainSize}
	for name, c := range map[string]struct {
		answer func([]byte) []byte
		sizes  []int
		failed int
	}{
		"ignores it":               {plainly, []int{plainSize, askedSize, askedSize, askedSize, plainSize, plainSize, plainSize, plainSize, plainSize}, 0},
		"drops it":                 {onlyPlain(func([]byte) []byte { return nil }), alternating, 3},
		"sends it back":            {func(request []byte) []byte { return append(plainly(request), request[plainSize:]...) }, []int{plainSize, askedSize, askedSize, askedSize, plainSize, plainSize, plainSize, plainSize, plainSize}, 0},
		"denies it":                {onlyPlain(func(request []byte) []byte { return ntptest.Behavior{Kiss: "DENY"}.Reply(request, then)[0] }), alternating, 3},
		"is not synchronized then": {onlyPlain(func(request []byte) []byte { return ntptest.Behavior{Leap: 3}.Reply(request, then)[0] }), alternating, 3},
		"contradicts itself": {func(request []byte) []byte {
			return append(plainly(request), extension.AppendBounds(nil, extension.Bounds{Latest: 1})[:len(request)/askedSize*extension.BoundsSize]...)
		}, alternating, 3},
	} {
		s := fine()
		sizes, failed := requests(t, s, 9, c.answer)
		require.Equal(t, c.sizes, sizes, name)
		require.Equal(t, c.failed, failed, name)

		sizes, failed = requests(t, s, 2*leaveOut+10, c.answer)
		questions := 0
		for _, size := range sizes {
			if size == askedSize {
				questions++
			}
		}
		require.Equal(t, 2, questions, "%s: one in %d polls from then on", name, leaveOut)
		require.LessOrEqual(t, failed, 2, name)
	}
}

// The error that a question brings does not have the clock leave the server alone for a day.
func TestRefusalOfTheQuestionIsNoRefusalOfService(t *testing.T) {
	deny := func(request []byte) []byte { return ntptest.Behavior{Kiss: "DENY"}.Reply(request, then)[0] }
	s := fine()
	var sizes []int
	require.NoError(t, poll(t, s, &scripted{answer: plainly, asked: &sizes}))
	err := poll(t, s, &scripted{answer: deny, asked: &sizes})
	require.NotErrorIs(t, err, truetime.ErrDenied)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "kiss-o'-death DENY")
	require.ErrorContains(t, err, "the next request is a plain one")
	require.ErrorIs(t, poll(t, s, &scripted{answer: deny, asked: &sizes}), truetime.ErrDenied, "this one was plain")

	require.NoError(t, poll(t, s, &scripted{answer: plainly, asked: &sizes}))
	err = poll(t, s, &scripted{answer: func([]byte) []byte { return nil }, asked: &sizes})
	require.ErrorContains(t, err, "asked for finer bounds, and the next request is a plain one: EOF")
}

// A server that is down for a while is not taken for one that drops the question.
func TestOutageIsNotHeldAgainstTheQuestion(t *testing.T) {
	s, silent := fine(), func([]byte) []byte { return nil }
	for range 5 {
		requests(t, s, 2, finely)
		sizes, _ := requests(t, s, 3, silent)
		require.Equal(t, []int{askedSize, plainSize, plainSize}, sizes)
		sizes, failed := requests(t, s, 2, finely)
		require.Equal(t, []int{plainSize, askedSize}, sizes)
		require.Zero(t, failed)
	}
}

// What is known of one server says nothing of the one that has its place next.
func TestNextServerIsAskedAnew(t *testing.T) {
	s := fine()
	requests(t, s, 9, plainly)
	other, err := parseAddress("192.0.2.2")
	require.NoError(t, err)
	s.place = newPlace(other)
	sizes, _ := requests(t, s, 3, finely)
	require.Equal(t, []int{plainSize, askedSize, askedSize}, sizes)
}

// What nobody asked for does not count, and is no reason to refuse.
func TestFieldThatNobodyAskedForIsNotLookedAt(t *testing.T) {
	unasked := func(request []byte) []byte {
		return extension.AppendBounds(plainly(request), extension.Bounds{Latest: 1})
	}
	_, failed := requests(t, Server("192.0.2.1").(*server), 3, unasked)
	require.Zero(t, failed)
}
