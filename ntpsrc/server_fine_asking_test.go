package ntpsrc

import (
	"context"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
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
	answer     func(request []byte) []byte // nil for silence
	asked      *[]int                      // the lengths of all requests
	reply      []byte
	unsendable bool // nothing leaves
}

func (s *scripted) send(request []byte) error {
	if s.unsendable {
		return io.ErrClosedPipe
	}
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
	_, err := sampleOf(t, s, wire)
	return err
}

// sampleOf is poll with its sample.
func sampleOf(t *testing.T, s *server, wire *scripted) (truetime.Sample, error) {
	t.Helper()
	var counter monotonic.Manual
	to := netip.AddrPortFrom(s.place.server.at, s.place.port)
	c, err := s.ask(t.Context(), &counter, to, func(netip.AddrPort) (socket, error) { return wire, nil }, nil)
	if err != nil {
		return truetime.Sample{}, s.place.failed(s.place.server, err)
	}
	return s.conclude(c, s.place, s.place.server)
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

// contradicting answers with ends that the header beside them does not allow.
func contradicting(request []byte) []byte {
	return extension.AppendBounds(plainly(request), extension.Bounds{Latest: 1})
}

// overstating answers with ends that only the header's rounding allows: it says that it kept the request
// for 2 E and 10 µs, while no time has passed at all.
func overstating(request []byte) []byte {
	reply := plainly(request)
	h := parseHeader(reply)
	h.transmitted += timestamp(2_010_000 << 32 / uint64(time.Second))
	binary.BigEndian.PutUint64(reply[40:], uint64(h.transmitted))
	return extension.AppendBounds(reply, endsAt(h, time.Millisecond, time.Millisecond))
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
// three questions in vain there are none for a long time, after a false answer at once.
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
		"contradicts itself":       {onlyPlain(contradicting), []int{plainSize, askedSize, plainSize, plainSize, plainSize, plainSize, plainSize, plainSize, plainSize}, 1},
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

// A question that fails only sometimes is left out as well: a sample in between does not make up for
// the one that was lost.
func TestQuestionThatFailsOftenIsLeftOut(t *testing.T) {
	const polls = 900 // fewer than leaveOut
	silent := func([]byte) []byte { return nil }
	for name, c := range map[string]struct {
		lost, of int // questions
		answer   func([]byte) []byte
		failed   int
	}{
		"every second is dropped":          {1, 2, silent, 5},
		"two of three are dropped":         {2, 3, silent, 4},
		"every second is denied":           {1, 2, func(request []byte) []byte { return ntptest.Behavior{Kiss: "DENY"}.Reply(request, then)[0] }, 5},
		"every second contradicts itself":  {1, 2, contradicting, 1},
		"two of three contradict":          {2, 3, contradicting, 1},
		"one in a hundred contradicts":     {1, 100, contradicting, 1},
		"every second claims what is less": {1, 2, overstating, 1},
	} {
		questions := 0
		sizes, failed := requests(t, fine(), polls, func(request []byte) []byte {
			if len(request) > plainSize {
				if questions++; (questions-1)%c.of >= c.of-c.lost {
					return c.answer(request)
				}
			}
			return finely(request)
		})
		require.Equal(t, c.failed, failed, name)
		require.Equal(t, slices.Repeat([]int{plainSize}, 600), sizes[polls-600:], name)
	}
}

// A server that now and then loses a packet goes on being asked.
func TestQuestionThatIsLostNowAndThenIsAskedAgain(t *testing.T) {
	questions := 0
	_, failed := requests(t, fine(), 3000, func(request []byte) []byte {
		if len(request) > plainSize {
			if questions++; questions%3 == 0 {
				return nil
			}
		}
		return finely(request)
	})
	require.Equal(t, 750, failed, "a third of the questions, each followed by a plain request")
}

// A field that a plain request's claim shows to be false costs the question, and a sample in between,
// such as one for another clock, does not bring it back.
func TestFalseFieldIsNotForgivenByTheNextSample(t *testing.T) {
	var a asking
	whom := netip.MustParseAddrPort("192.0.2.1:123")
	require.False(t, a.due(whom))
	a.note(whom, &conn{}, true)
	require.True(t, a.due(whom))
	a.note(whom, &conn{asked: true, finer: true, disproved: true}, false)
	a.note(whom, &conn{asked: true, finer: true}, true)
	for range leaveOut {
		require.False(t, a.due(whom))
	}
	require.True(t, a.due(whom), "the server may have been mended by then")
}

// What is known of one server is not changed by what comes of a request to another, as when two clocks
// share a source that has turned to the next server.
func TestNoteOfAnotherServerChangesNothing(t *testing.T) {
	var a asking
	old, present := netip.MustParseAddrPort("192.0.2.1:123"), netip.MustParseAddrPort("192.0.2.2:123")
	a.due(old)
	a.due(present)
	a.note(old, &conn{}, true)
	require.False(t, a.due(present), "it has not answered yet")
	a.note(present, &conn{}, true)
	for _, c := range []*conn{{}, {asked: true}, {asked: true, disproved: true}} {
		a.note(old, c, false)
		require.True(t, a.due(present))
	}
}

// A question that never left tells nothing about the server.
func TestQuestionThatNeverLeftDoesNotCount(t *testing.T) {
	s := fine()
	var sizes []int
	for range 10 {
		require.NoError(t, poll(t, s, &scripted{answer: finely, asked: &sizes}))
		require.NoError(t, poll(t, s, &scripted{answer: finely, asked: &sizes}))
		require.Equal(t, askedSize, sizes[len(sizes)-1])
		require.NotContains(t, poll(t, s, &scripted{unsendable: true, asked: &sizes}).Error(), "asked for finer bounds")
	}
}

// What the user adds to a claim is added to the finest, too.
func TestExtraErrorIsAddedToFineBounds(t *testing.T) {
	claims := func(options ...ServerOption) (claims []time.Duration) {
		s := Server("192.0.2.1", options...).(*server)
		var sizes []int
		for range 2 {
			sample, err := sampleOf(t, s, &scripted{answer: finely, asked: &sizes})
			require.NoError(t, err)
			claims = append(claims, sample.Claim)
		}
		return claims
	}
	without, with := claims(WithFineBounds()), claims(WithFineBounds(), WithExtraError(7*time.Millisecond))
	require.Less(t, without[1], without[0]-15*time.Microsecond)
	for i := range without {
		require.Equal(t, without[i]+7*time.Millisecond, with[i])
	}
}

// Status says of which samples the error was stated finely.
func TestStampsSayThatTheErrorIsStatedFinely(t *testing.T) {
	s := fine()
	var sizes []int
	for _, want := range []string{"program", "program, finer bounds"} {
		sample, err := sampleOf(t, s, &scripted{answer: finely, asked: &sizes})
		require.NoError(t, err)
		require.Equal(t, want, sample.Stamps)
	}
}

// The buffer of a reply is larger than the reply. What is behind its end does not count, though the
// last field says that it is longer.
func TestFieldThatIsCutOffSaysNothing(t *testing.T) {
	s := fine()
	var sizes []int
	require.NoError(t, poll(t, s, &scripted{answer: finely, asked: &sizes}))
	sample, err := sampleOf(t, s, &scripted{answer: func(request []byte) []byte { return finely(request)[:headerSize+24] }, asked: &sizes})
	require.NoError(t, err)
	require.Equal(t, askedSize, sizes[1])
	require.Equal(t, "program", sample.Stamps)
	require.Greater(t, sample.Claim, time.Millisecond+15*time.Microsecond, "the header's")
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
