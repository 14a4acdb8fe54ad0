package epsilonetcd

import (
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/lease"
)

// keys are where the lease of one name is in etcd:
//
//	leases/compactor                          the record, for good
//	leases/compactor/#00000000000000000007    the key of the holder with token 7, as long as it is the last one
//
// The second key is what a fence compares. It is created by the transaction that acquires the lease and deleted
// by the one by which the lease is given up or acquired by another, so it exists as long as no higher token
// does. A renewal leaves it alone, so its creation revision is that of the acquisition.
//
// Leases are apart from each other whatever their names are, because # occurs in no name: it is escaped.
type keys struct {
	record string
	tokens string // what the keys of holders begin with
}

var escaped = strings.NewReplacer("%", "%25", "#", "%23")

func keysOf(prefix, name string) keys {
	record := escaped.Replace(prefix + name)
	return keys{record, record + "/#"}
}

// token returns the key of a holder. Keys are in the order of tokens.
func (k keys) token(token lease.Token) string { return fmt.Sprintf("%s%020d", k.tokens, token) }

// end is above all keys of holders.
func (k keys) end() string { return clientv3.GetPrefixRangeEnd(k.tokens) }

// fence holds as long as the token is that of the last holder, and this has not given the lease up.
func (k keys) fence(token lease.Token) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(k.token(token)), ">", 0)
}
