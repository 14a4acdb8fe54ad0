package agreement

// Votes is what n voters say: of each the moments that it covers, as disjoint closed intervals, which may be
// none. It keeps its memory between counts. The zero value has no voters.
type Votes struct {
	parts []Interval
	voter []int // of each part
	count int
}

// Clear forgets all voters.
func (v *Votes) Clear() { v.parts, v.voter, v.count = v.parts[:0], v.voter[:0], 0 }

// Cast adds the next voter, which covers these parts. They are disjoint; an empty one covers nothing.
func (v *Votes) Cast(covered ...Interval) {
	for _, part := range covered {
		if !part.Empty() {
			v.parts = append(v.parts, part)
			v.voter = append(v.voter, v.count)
		}
	}
	v.count++
}

// Count returns n, the number of voters.
func (v *Votes) Count() int { return v.count }
