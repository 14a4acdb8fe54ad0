package engine

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
)

// Members is an etcd cluster inside this process, for demonstrations and tests.
type Members struct {
	Endpoints []string
	members   []*embed.Etcd
}

// StartMembers starts n members of a new cluster on free ports of loopback, with their data in folder.
func StartMembers(ctx context.Context, folder string, n int) (*Members, error) {
	ports, err := freePorts(2 * n)
	if err != nil {
		return nil, fmt.Errorf("engine: etcd: %w", err)
	}
	var cluster []string
	for i := range n {
		cluster = append(cluster, fmt.Sprintf("member%d=%s", i, ports[n+i].String()))
	}
	m := &Members{}
	for i := range n {
		c := embed.NewConfig()
		c.Name, c.Dir = fmt.Sprintf("member%d", i), filepath.Join(folder, fmt.Sprintf("member%d", i))
		c.ListenClientUrls, c.AdvertiseClientUrls = ports[i:i+1], ports[i:i+1]
		c.ListenPeerUrls, c.AdvertisePeerUrls = ports[n+i:n+i+1], ports[n+i:n+i+1]
		c.InitialCluster, c.InitialClusterToken = strings.Join(cluster, ","), folder
		c.LogLevel, c.LogOutputs = "panic", []string{"/dev/null"}
		member, err := embed.StartEtcd(c)
		if err != nil {
			m.Close()
			return nil, fmt.Errorf("engine: etcd member %d: %w", i, err)
		}
		m.members = append(m.members, member)
		m.Endpoints = append(m.Endpoints, ports[i].Host)
	}
	for i, member := range m.members {
		select {
		case <-member.Server.ReadyNotify():
		case err := <-member.Err():
			m.Close()
			return nil, fmt.Errorf("engine: etcd member %d: %w", i, err)
		case <-ctx.Done():
			m.Close()
			return nil, fmt.Errorf("engine: etcd member %d is not ready: %w", i, ctx.Err())
		}
	}
	return m, nil
}

// Close stops the members.
func (m *Members) Close() {
	for _, member := range m.members {
		member.Close()
	}
}

// freePorts asks the system for ports; somebody may still take them before etcd does.
func freePorts(n int) (urls []url.URL, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		urls = append(urls, url.URL{Scheme: "http", Host: l.Addr().String()})
	}
	return urls, nil
}
