package epsilongrpc

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// ErrorDomain is that of the google.rpc.ErrorInfo in the status of a call that the server's interceptor has
// refused, for clients in other languages. Its reason is TIMESTAMP_FROM_FUTURE, INVALID_TIMESTAMP, or, of a
// clock that has no timestamp to give, CLOCK_NOT_SYNCHRONIZED, CLOCK_FAULTY, CLOCK_TOO_FAR_AHEAD,
// CLOCK_NOT_DURABLE, CLOCK_CLOSED, CLOCK_UNAVAILABLE or UNCERTAINTY_TOO_LARGE. "timestamp" in its metadata
// is what the call carried: a refusal with another one is of another call, that the server has made.
const ErrorDomain = "github.com/epsilontime/epsilon"

// refused is the key of ErrorInfo's metadata for the timestamp of the request.
const refused = "timestamp"

// retryAfter is what a client is told to wait where this clock has no timestamp.
const retryAfter = time.Second

// A reason is why a call is refused, as the two sides know it.
type reason struct {
	err  error
	name string // of ErrorInfo
	code codes.Code
}

// reasons has what may be wrong with the sender's timestamp first.
//
// A timestamp from the future is FAILED_PRECONDITION, which says not to try again until the state of
// the system has been fixed (google/rpc/code.proto): one of the two clocks has to be. OUT_OF_RANGE
// would say that waiting helps, and UNAVAILABLE is what clients try again of their own accord.
var reasons = []reason{
	{hlc.ErrFromFuture, "TIMESTAMP_FROM_FUTURE", codes.FailedPrecondition},
	{hlc.ErrInvalidTimestamp, "INVALID_TIMESTAMP", codes.InvalidArgument},
	{hlc.ErrTooFarAhead, "CLOCK_TOO_FAR_AHEAD", codes.Unavailable},
	{hlc.ErrNotDurable, "CLOCK_NOT_DURABLE", codes.Unavailable},
	{hlc.ErrClosed, "CLOCK_CLOSED", codes.Unavailable},
	{truetime.ErrClosed, "CLOCK_CLOSED", codes.Unavailable},
	{truetime.ErrUncertaintyTooLarge, "UNCERTAINTY_TOO_LARGE", codes.Unavailable},
	{truetime.ErrClockFaulty, "CLOCK_FAULTY", codes.Unavailable},
	{truetime.ErrNotSynchronized, "CLOCK_NOT_SYNCHRONIZED", codes.Unavailable},
}

// reasonOf returns why a clock has returned err.
func reasonOf(err error) reason {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r
		}
	}
	return reason{err, "CLOCK_UNAVAILABLE", codes.Unavailable}
}

// refuse returns the status of a call that err has kept from its handler, and whose key had these
// values.
func refuse(err error, values []string) error {
	r := reasonOf(err)
	info := &errdetails.ErrorInfo{Reason: r.name, Domain: ErrorDomain}
	if len(values) > 0 {
		info.Metadata = map[string]string{refused: echoed(values[0])}
	}
	s := status.New(r.code, strings.ToValidUTF8(err.Error(), "�"))
	with, failed := s.WithDetails(info)
	if r.code == codes.Unavailable {
		with, failed = s.WithDetails(info, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	if failed != nil {
		return s.Err()
	}
	return with.Err()
}

// echoed is as much of a value as a timestamp has.
func echoed(value string) string {
	const longest = len("9223372036854775807")
	return strings.ToValidUTF8(value[:min(len(value), longest)], "�")
}

// explain returns err, the error of a call with a timestamp, so that errors.Is sees why the server's
// clock has refused it, if it has.
func explain(err error, sent hlc.Timestamp) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	for _, detail := range s.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != ErrorDomain || info.GetMetadata()[refused] != valueOf(sent) {
			continue
		}
		for _, r := range reasons {
			if r.name == info.GetReason() && r.code == s.Code() {
				return &callError{status: s, text: err.Error(), causes: []error{err, r.err}}
			}
		}
	}
	return err
}

// valueOf is what a request carries of a timestamp.
func valueOf(sent hlc.Timestamp) string {
	if !sent.Valid() {
		return ""
	}
	return sent.String()
}

// callError is the error of a call, with a status and with what errors.Is and errors.As are to find.
type callError struct {
	status *status.Status
	text   string
	causes []error
}

func (e *callError) Error() string              { return e.text }
func (e *callError) GRPCStatus() *status.Status { return e.status }
func (e *callError) Unwrap() []error            { return e.causes }

// fail returns an error of this side's. Its status has no details: a handler that passes it on to a
// client of its own says nothing about that client.
func fail(code codes.Code, cause error) error {
	s := status.New(code, strings.ToValidUTF8(cause.Error(), "�"))
	return &callError{status: s, text: s.Err().Error(), causes: []error{cause}}
}
