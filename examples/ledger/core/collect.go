package core

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// What nobody can ask for any more is deleted, behind two horizons: versions that no snapshot can
// see, and decisions so old that their ids are free again.

// atOnce is how many operations go into a batch; etcd takes 128.
const atOnce = 100

// tidy collects now and then.
func (l *leader) tidy() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(l.node.retention / 4):
		}
		if now, err := l.node.clock.Now(); err == nil { // what fails is tried again the next time
			_ = l.collectVersions(now.Earliest.Add(-l.node.retention))
			_ = l.collectDecisions(now.Earliest.Add(-l.node.memory))
		}
	}
}

// collectVersions deletes the versions that no read at the horizon or later can see.
func (l *leader) collectVersions(horizon truetime.Time) error {
	found, err := l.find(l.ctx, engine.Prefix(versionsPrefix(l.shard)), engine.Key(horizonKey(l.shard)))
	if err != nil {
		return err
	}
	before, _, err := read[truetime.Time](found[1])
	if err != nil || !horizon.After(before) {
		return err
	}
	if err := l.apply(engine.Batch{Put: []engine.Pair{put(horizonKey(l.shard), horizon)}}); err != nil {
		return err
	}
	var old []string
	seen := "" // the account whose version as of the horizon has been met
	for _, pair := range found[0] {
		account, stamp, _ := strings.Cut(pair.Key[len(versionsPrefix(l.shard)):], "/")
		switch {
		case stamp < fmt.Sprintf("%016x", ^uint64(horizon)): // newer
		case account != seen:
			seen = account
		default:
			old = append(old, pair.Key)
		}
	}
	return l.delete(old)
}

// collectDecisions deletes what was decided before the horizon. A vote that was asked for before it
// is refused from then on, for there is nothing left to tell that it was cast and counted already.
// What this shard coordinated is kept until every participant has carried it out: one that asks
// after a transaction without a decision is told that it is off.
func (l *leader) collectDecisions(horizon truetime.Time) error {
	found, err := l.find(l.ctx, engine.Prefix(decidedKey(l.shard, "")), engine.Key(forgottenKey(l.shard)))
	if err != nil {
		return err
	}
	before, _, err := read[truetime.Time](found[1])
	if err != nil || !horizon.After(before) {
		return err
	}
	if err := l.apply(engine.Batch{Put: []engine.Pair{put(forgottenKey(l.shard), horizon)}}); err != nil {
		return err
	}
	var old []string
	for _, pair := range found[0] {
		d, _, err := read[decision]([]engine.Pair{pair})
		if err != nil {
			return err
		}
		if d.Timestamp.Before(horizon) && l.carriedOut(pair.Key[len(decidedKey(l.shard, "")):], d) {
			old = append(old, pair.Key)
		}
	}
	return l.delete(old)
}

// carriedOut reports whether all participants have done as was decided, and has them do it.
func (l *leader) carriedOut(id string, d decision) bool {
	order, _ := Transaction{Changes: d.Changes}.split(l.node.shards)
	if d.Refused != "" || len(order) < 2 || order[len(order)-1] != l.shard {
		return true
	}
	for _, shard := range order[:len(order)-1] {
		if l.inform(shard, id, d) != nil {
			return false
		}
	}
	return true
}

func (l *leader) delete(keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), atOnce)
		if err := l.apply(engine.Batch{Delete: keys[:n]}); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
