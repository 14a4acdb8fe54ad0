package view

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

// Sources shows each source with all that is known of it.
func Sources(r api.Report) string {
	var blocks []string
	for _, source := range r.Clock.Sources {
		blocks = append(blocks, sourceBlock(r.Clock, source))
	}
	return strings.Join(blocks, "\n")
}

func sourceBlock(s truetime.Status, source truetime.SourceStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %v\n", mark(source.Verdict), Fit(plain(source.Name), Width-20), source.Verdict)
	if source.Interval.Valid() {
		b.WriteString(labelled("earliest", source.Interval.Earliest.String()))
		b.WriteString(labelled("latest", source.Interval.Latest.String()))
		text := "ε " + Duration(source.Interval.Uncertainty())
		if s.Interval.Valid() {
			text += ", its middle " + Signed(Offset(s, source)) + " from the clock's"
		}
		b.WriteString(labelled("interval", text))
		b.WriteString(labelled("sample", fmt.Sprintf("%s ago: round trip %s, claims to be within %s, stratum %d, stamps: %s",
			Age(source.Age), Duration(source.Delay), Duration(source.Claim), source.Stratum, cmp.Or(plain(source.Stamps), "the program's"))))
	}
	polls := fmt.Sprintf("every %s, the last eight answered: %s", Age(source.Poll), reach(source.Reach))
	if source.HeldBack {
		polls += ", less often because it wished so"
	}
	b.WriteString(labelled("polls", polls))
	b.WriteString(labelled("serves", serves(source)))
	if len(source.SameAs) > 0 {
		b.WriteString(labelled("same as", "perhaps one machine with "+plain(strings.Join(source.SameAs, ", "))+": one vote together"))
	}
	if source.Err != nil {
		b.WriteString(labelled("problem", plain(source.Err.Error())))
	}
	return b.String()
}

// serves says how the source counts, and what its vote is.
func serves(source truetime.SourceStatus) string {
	text := source.Scale.String()
	if source.Authenticated {
		text += ", authenticated"
	}
	if source.Group != "" {
		text += ", shares the vote of group " + plain(source.Group)
	}
	if source.NoVote {
		text += ", has no vote because it is not authenticated"
	}
	return text
}

// reach shows the last eight polls, the newest last.
func reach(bits uint8) string {
	text := make([]rune, 8)
	for i := range text {
		text[i] = '·'
		if bits&(1<<(7-i)) != 0 {
			text[i] = '✓'
		}
	}
	return string(text)
}
