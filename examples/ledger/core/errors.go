package core

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors that a client sees. Each says what became of the transaction.
var (
	// Nothing was applied, and the same request will get the same answer.
	ErrBadRequest        = errors.New("bad request")
	ErrUnknownAccount    = errors.New("unknown account")
	ErrAccountExists     = errors.New("account exists")
	ErrInsufficientFunds = errors.New("insufficient funds")
	ErrAborted           = errors.New("aborted: nothing was applied; try again with another id")
	ErrTooOld            = errors.New("older than the versions that are kept")

	// ErrRetry: it is not known, or not yet, what became of the transaction. Sent again with the
	// same id it is applied once.
	ErrRetry = errors.New("try again with the same id")

	// ErrNotLeader: another node leads the shard. It is always a *NotLeaderError.
	ErrNotLeader = errors.New("not the leader")
)

// NotLeaderError says who leads, as far as is known.
type NotLeaderError struct {
	Shard  int
	Leader string // a URL; empty if nobody leads
}

func (e *NotLeaderError) Error() string {
	if e.Leader == "" {
		return fmt.Sprintf("not the leader: shard %d has none at the moment; try again", e.Shard)
	}
	return fmt.Sprintf("not the leader: shard %d is led by %s", e.Shard, e.Leader)
}

// Unwrap returns ErrNotLeader, and ErrRetry, for that is what to do.
func (*NotLeaderError) Unwrap() []error { return []error{ErrNotLeader, ErrRetry} }

// codes are the errors as HTTP carries them.
var codes = []struct {
	name   string
	status int
	err    error
}{
	{"bad_request", http.StatusBadRequest, ErrBadRequest},
	{"unknown_account", http.StatusNotFound, ErrUnknownAccount},
	{"account_exists", http.StatusConflict, ErrAccountExists},
	{"insufficient_funds", http.StatusConflict, ErrInsufficientFunds},
	{"aborted", http.StatusConflict, ErrAborted},
	{"too_old", http.StatusGone, ErrTooOld},
	{"not_leader", http.StatusMisdirectedRequest, ErrNotLeader},
	{"retry", http.StatusServiceUnavailable, ErrRetry},
}

func codeOf(err error) (name string, status int) {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.name, c.status
		}
	}
	return "retry", http.StatusServiceUnavailable
}

func errorOf(code string) error {
	for _, c := range codes {
		if c.name == code {
			return c.err
		}
	}
	return ErrRetry
}
