package ptpsrc

import "github.com/facebook/time/ptp/protocol"

// followUps is the last Follow_Ups that came, each at the number of its Sync modulo its length. A Follow_Up and its Sync
// come in at different sockets, with a reader each, and whichever reader has to wait longer for a processor is later: by
// some Syncs, if they are sent a hundred times a second.
type followUps [64]*protocol.FollowUp

// take keeps the first one of a number. A server that begins its numbers anew makes a second, of a Sync that left after
// the one that was heard.
func (f *followUps) take(p *protocol.FollowUp) {
	if f.of(p.SequenceID) == nil {
		f[int(p.SequenceID)%len(f)] = p
	}
}

// of returns the Follow_Up of the Sync with a number, or nil.
func (f *followUps) of(sequence uint16) *protocol.FollowUp {
	if p := f[int(sequence)%len(f)]; p != nil && p.SequenceID == sequence {
		return p
	}
	return nil
}
