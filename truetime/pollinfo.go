package truetime

import (
	"context"
	"math"
	"time"
)

// PollInfo is what a clock lets a source know about the poll that it is asked in. It is in the
// context given to Sample, so that no wrapper between the two has to pass it on: see [PollInfoOf].
type PollInfo struct {
	// Verdict is what the clock thinks of the source by now, for a source that can ask somebody
	// else. Nothing may be concluded from it about true time.
	Verdict Verdict

	// Unused says why nothing was used of what came of the poll before this one; nil if a sample of
	// it was, and before the first. A source that may choose whom to ask learns from it whether the
	// one it has asked has been given its vote.
	Unused error

	// Claimed are the peers of voters that cannot ask anybody else (SourceInfo.Peer): their answers
	// to another source are not used. The slice is not to be changed.
	Claimed []string

	// DriftPPM is by how much the clock assumes that the counter may be fast or slow, in parts per
	// million: see [WithDrift]. A source that uses the counter as a ruler, between the reading of
	// another clock and the moment that it reports, must allow for that much. What is not above 0
	// and at most [MaxDriftPPM] stands for MaxDriftPPM.
	DriftPPM float64

	// UnseenPause is for how long the counter may stand still where nobody sees it ([WithUnseenPause]), so that more time may
	// have passed than it shows. What a sample claims need not allow for that: the clock does.
	UnseenPause time.Duration
}

// Slack returns by how much true time may have gone on more, or less, than the counter while the
// counter went on by the given time: that time multiplied by ρ/(1−ρ), rounded up.
func (i PollInfo) Slack(counted time.Duration) time.Duration {
	r := i.known().DriftPPM / 1e6
	const rounding = 1 + 1e-12
	return time.Duration(math.Ceil(math.Abs(float64(counted)) * r / (1 - r) * rounding))
}

// known has the largest drift where none is known.
func (i PollInfo) known() PollInfo {
	if !(i.DriftPPM > 0 && i.DriftPPM <= MaxDriftPPM) {
		i.DriftPPM = MaxDriftPPM
	}
	return i
}

// pollInfoKey is where a context has the address of its PollInfo.
type pollInfoKey struct{}

// PollInfoOf returns what the clock lets a source know about the poll with this context. Of a
// context that no clock has made it is Undecided and [MaxDriftPPM], which is the least that can be
// assumed.
func PollInfoOf(ctx context.Context) PollInfo {
	if i, ok := ctx.Value(pollInfoKey{}).(*PollInfo); ok {
		return i.known()
	}
	return PollInfo{}.known()
}

// ContextWithPollInfo returns a context in which [PollInfoOf] returns the given information: for
// whoever calls Sample and is no Clock.
func ContextWithPollInfo(ctx context.Context, i PollInfo) context.Context {
	return context.WithValue(ctx, pollInfoKey{}, &i)
}
