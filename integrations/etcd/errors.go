package epsilonetcd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/lease"
)

// failed says what an error of etcd means to who waits for a lease. Nothing is known of whether the request was
// carried out.
func (r register) failed(err error) error {
	advice := ""
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		advice = fmt.Sprintf("grant a role of the user to read and write all keys that begin with %.80q", r.keys.record)
	case errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrAuthNotEnabled):
		advice = "look at the user name and the password of the client"
	case errors.Is(err, rpctypes.ErrNoSpace):
		advice = "compact, defragment, and disarm the alarm"
	case errors.Is(err, rpctypes.ErrCorrupt):
		advice = "etcd says that its members differ"
	case errors.Is(err, rpctypes.ErrRequestTooLarge), strings.Contains(err.Error(), "larger than max"): // by the server, by the client
		advice = "the value of the leader is more than a request may have"
	case strings.Contains(err.Error(), "client connection is closing"):
		advice = "the client was closed before the lease"
	case silent(err):
		return fmt.Errorf("epsilonetcd: lease %.80q: etcd has no quorum, or cannot be reached: %w; start enough of its members", r.name, err)
	default:
		return fmt.Errorf("epsilonetcd: lease %.80q: %w", r.name, err)
	}
	return fmt.Errorf("%w: epsilonetcd: lease %.80q: %w; %s", lease.ErrPermanent, r.name, err, advice)
}

// silent reports whether an error says no more than that there was no answer.
func silent(err error) bool {
	code := status.Code(err)
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		code = e.Code()
	}
	return errors.Is(err, context.DeadlineExceeded) || code == codes.DeadlineExceeded || code == codes.Unavailable
}
