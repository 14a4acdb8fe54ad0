package epsilongrpc

import (
	"fmt"

	"google.golang.org/grpc/metadata"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// The keys of metadata, in requests, headers and trailers.
const (
	// TimestampKey is the key of the timestamp. Its value is the text form of an [hlc.Timestamp],
	// nanoseconds in decimal. It is the header of package hlchttp, as HTTP/2 writes it.
	TimestampKey = "hlc-timestamp"

	// IntervalKey is the key of the sender's interval, for which [WithInterval] asks. Its value is
	// the text form of a [truetime.Interval].
	IntervalKey = "hlc-interval"
)

// put makes md carry a timestamp and an interval, and nothing that it carried before: what was
// copied from another call says nothing about this clock.
func put(md metadata.MD, timestamp hlc.Timestamp, interval truetime.Interval) {
	delete(md, TimestampKey)
	delete(md, IntervalKey)
	if !timestamp.Valid() {
		return // there is nothing to say
	}
	md.Set(TimestampKey, timestamp.String())
	if text, err := interval.MarshalText(); err == nil && interval.Valid() {
		md.Set(IntervalKey, string(text))
	}
}

// without returns md without what [put] puts in.
func without(md metadata.MD) metadata.MD {
	if len(md[TimestampKey]) == 0 && len(md[IntervalKey]) == 0 {
		return md
	}
	md = md.Copy() // it is the caller's
	put(md, 0, truetime.Interval{})
	return md
}

// carried returns the timestamp among the values of its key, and false if there is none. Two of them
// are a mistake, since nothing says which one to believe.
func carried(values []string, from string) (hlc.Timestamp, bool, error) {
	switch len(values) {
	case 0:
		return 0, false, nil
	case 1:
		timestamp, err := hlc.ParseTimestamp(values[0])
		if err != nil {
			return 0, true, fmt.Errorf("epsilongrpc: %s of %q: %w", TimestampKey, from, err)
		}
		return timestamp, true, nil
	default:
		return 0, true, fmt.Errorf("epsilongrpc: %s of %q: %w: there are %d of them",
			TimestampKey, from, hlc.ErrInvalidTimestamp, len(values))
	}
}

// PeerInterval returns the interval that the sender of md had when it took its timestamp, and the zero
// value if it sent none. Of a request that is in metadata.FromIncomingContext, of a response in the
// header and the trailer.
//
// It is what the sender says, and nothing is decided by it here: whoever can send it can send any.
func PeerInterval(md metadata.MD) (truetime.Interval, error) {
	values := md[IntervalKey]
	if len(values) > 1 {
		return truetime.Interval{}, fmt.Errorf("epsilongrpc: %s: there are %d of them", IntervalKey, len(values))
	}
	if len(values) == 0 {
		return truetime.Interval{}, nil
	}
	interval, err := truetime.ParseInterval(values[0])
	if err != nil {
		return truetime.Interval{}, fmt.Errorf("epsilongrpc: %s: %w", IntervalKey, err)
	}
	return interval, nil
}
