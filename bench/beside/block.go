package main

import (
	"fmt"
	"slices"
	"time"
)

// blockCount is into how many parts of equal length the reads are divided, so that it can be said how far their means differ. A read says little
// that the one before it has not: what changes is from poll to poll, of which a part has ten or more.
const blockCount = 3

// series is what has been read of one thing, by blocks.
type series struct {
	sums  [blockCount]time.Duration
	reads [blockCount]int
}

func (s *series) add(block int, d time.Duration) {
	s.sums[block] += d
	s.reads[block]++
}

// count is the number of all reads.
func (s *series) count() (n int) {
	for _, reads := range s.reads {
		n += reads
	}
	return n
}

// mean is that of all reads.
func (s *series) mean() time.Duration {
	var sum time.Duration
	for _, part := range s.sums {
		sum += part
	}
	return mean(sum, s.count())
}

// means are those of the blocks that have reads.
func (s *series) means() (all []time.Duration) {
	for block, n := range s.reads {
		if n > 0 {
			all = append(all, mean(s.sums[block], n))
		}
	}
	return all
}

// String is the mean and those of the blocks, as in "667 (655 to 680)", in µs.
func (s *series) String() string {
	var parts []float64
	for _, m := range s.means() {
		parts = append(parts, microseconds(m))
	}
	return fmt.Sprintf("%.0f (%s)", microseconds(s.mean()), spread("%.0f", parts))
}

// over is by how many times it is what another one is that was read at the same moments: in the block where that is least, and where it is most.
func (s *series) over(other *series) string {
	var ratios []float64
	mine, others := s.means(), other.means()
	for i := range min(len(mine), len(others)) {
		ratios = append(ratios, float64(mine[i])/float64(max(others[i], 1)))
	}
	return spread("%.2f", ratios)
}

// overAll is the same beside one figure for all blocks.
func (s *series) overAll(figure time.Duration) string {
	var ratios []float64
	for _, m := range s.means() {
		ratios = append(ratios, float64(m)/float64(max(figure, 1)))
	}
	return spread("%.2f", ratios)
}

// spread is the least and the greatest, or one of them if they are written alike.
func spread(format string, values []float64) string {
	if len(values) == 0 {
		return "none"
	}
	least, most := fmt.Sprintf(format, slices.Min(values)), fmt.Sprintf(format, slices.Max(values))
	if least == most {
		return least
	}
	return least + " to " + most
}
