package core

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Transaction changes accounts, all or none. The ID makes it happen once, however often it is sent.
type Transaction struct {
	ID      string
	Changes []Change
}

// Change adds Delta to the balance of an account, which must not fall below zero. Open makes the
// account first, and is refused if there is one.
type Change struct {
	Account string
	Delta   int64
	Open    bool `json:",omitempty"`
}

// Transfer moves an amount from one account to another.
func Transfer(id, from, to string, amount int64) Transaction {
	return Transaction{ID: id, Changes: []Change{{Account: from, Delta: -amount}, {Account: to, Delta: amount}}}
}

// Result is what a transaction came to.
type Result struct {
	Timestamp truetime.Time    // of the commit
	Balances  map[string]int64 // of the accounts it changed, right after it

	Waited      time.Duration // what was left of the commit-wait when it had been written
	Uncertainty time.Duration // of the interval from which the timestamp was taken
}

var name = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (t Transaction) validate() error {
	if !name.MatchString(t.ID) {
		return fmt.Errorf("%w: id %.80q must be 1 to 64 of A-Z a-z 0-9 _ . -", ErrBadRequest, t.ID)
	}
	if len(t.Changes) == 0 || len(t.Changes) > 16 {
		return fmt.Errorf("%w: %d changes; must be 1 to 16", ErrBadRequest, len(t.Changes))
	}
	seen := make(map[string]bool)
	for _, c := range t.Changes {
		if !name.MatchString(c.Account) {
			return fmt.Errorf("%w: account %.80q must be 1 to 64 of A-Z a-z 0-9 _ . -", ErrBadRequest, c.Account)
		}
		if seen[c.Account] {
			return fmt.Errorf("%w: account %q is changed twice", ErrBadRequest, c.Account)
		}
		seen[c.Account] = true
		const most = 1 << 50 // far from where balances could overflow
		if c.Delta > most || c.Delta < -most {
			return fmt.Errorf("%w: amount %d is above 2^50", ErrBadRequest, c.Delta)
		}
	}
	return nil
}

// ShardOf is where an account lives.
func ShardOf(account string, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(account)) // a hash cannot fail
	return int(h.Sum32() % uint32(shards))
}

// split returns the shards of a transaction, lowest first, and the changes of each. The last shard
// is the coordinator. Everybody locks in this order, so nobody waits in a circle.
func (t Transaction) split(shards int) (order []int, changes map[int][]Change) {
	changes = make(map[int][]Change)
	for _, c := range t.Changes {
		s := ShardOf(c.Account, shards)
		if changes[s] == nil {
			order = append(order, s)
		}
		changes[s] = append(changes[s], c)
	}
	slices.Sort(order)
	return order, changes
}
