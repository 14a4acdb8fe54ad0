package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// Member is one member of an etcd cluster inside this process, for demonstrations and tests.
type Member struct{ server *embed.Etcd }

// StartMember starts the member that has the name, or starts it again, with its data in folder.
// Cluster is what etcd calls the initial cluster: name=http://host:port,… of the members to each
// other.
func StartMember(folder, name, client, peer, cluster string) (*Member, error) {
	c := embed.NewConfig()
	c.Name, c.Dir, c.InitialCluster = name, folder, cluster
	clients, peers := url.URL{Scheme: "http", Host: client}, url.URL{Scheme: "http", Host: peer}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	c.SocketOpts.ReusePort = shareable // as ListenHeld
	c.LogLevel, c.LogOutputs = "panic", []string{"/dev/null"}
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("engine: etcd member %s: %w", name, err)
	}
	return &Member{server}, nil
}

// Wait returns nil when ctx ends, or what ended the member before.
func (m *Member) Wait(ctx context.Context) error {
	select {
	case err := <-m.server.Err():
		return fmt.Errorf("engine: etcd member: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// Close stops the member. One that never had a quorum is dropped, since etcd would wait for it.
func (m *Member) Close() {
	select {
	case <-m.server.Server.ReadyNotify():
		m.server.Close()
	default:
		m.server.Server.HardStop()
	}
}

// Layout is where the members of a cluster on loopback are found.
type Layout struct {
	Clients, Peers []string // host:port of each
	held           []*Held
}

// NewLayout chooses ports for n members, and holds them until Release.
func NewLayout(n int) (l Layout, err error) {
	for i := range 2 * n {
		h, err := Hold()
		if err != nil {
			return Layout{}, errors.Join(fmt.Errorf("engine: etcd: %w", err), l.Release())
		}
		l.held = append(l.held, h)
		if i < n {
			l.Clients = append(l.Clients, h.Address)
		} else {
			l.Peers = append(l.Peers, h.Address)
		}
	}
	return l, nil
}

// Release lets go of the ports, once no member is to be started any more.
func (l Layout) Release() error { return releaseAll(l.held) }

// Name of a member.
func (l Layout) Name(i int) string { return fmt.Sprint("member", i) }

// Cluster is what StartMember wants to know of the others.
func (l Layout) Cluster() (text string) {
	for i, peer := range l.Peers {
		if i > 0 {
			text += ","
		}
		text += l.Name(i) + "=http://" + peer
	}
	return text
}

// StartMembers starts the members of a new cluster in this process, and waits until they serve.
func StartMembers(ctx context.Context, folder string, n int) (l Layout, closeAll func(), err error) {
	var members []*Member
	if l, err = NewLayout(n); err != nil {
		return l, nil, err
	}
	closeAll = func() {
		for _, m := range members {
			m.Close()
		}
		_ = l.Release()
	}
	for i := range n {
		m, err := StartMember(filepath.Join(folder, l.Name(i)), l.Name(i), l.Clients[i], l.Peers[i], l.Cluster())
		if err != nil {
			closeAll()
			return l, nil, err
		}
		members = append(members, m)
	}
	e, err := OpenEtcd(ctx, l.Clients...) // answers when there is a quorum
	if err != nil {
		closeAll()
		return l, nil, err
	}
	return l, closeAll, e.Close()
}
