package epsilonetcd

import (
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

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
	default:
		return fmt.Errorf("epsilonetcd: lease %.80q: %w", r.name, err)
	}
	return fmt.Errorf("%w: epsilonetcd: lease %.80q: %w; %s", lease.ErrPermanent, r.name, err, advice)
}
