package inwords

import (
	"fmt"
	"strings"

	"github.com/epsilontime/epsilon/truetime"
)

// Wrong reports whether a verdict says that something is the matter with a source.
func Wrong(v truetime.Verdict) bool {
	switch v {
	case truetime.Falseticker, truetime.Convicted, truetime.Unusable:
		return true
	}
	return false
}

// Reason says why a source has its verdict, and what else there is to know of its vote. It is empty for one that agrees and has
// nothing the matter with it.
func Reason(s truetime.Status, source truetime.SourceStatus) string {
	var reasons []string
	switch source.Verdict {
	case truetime.Falseticker:
		reasons = append(reasons, "It lies, or more than f others do: its interval excludes what the others agree on"+away(s, source))
	case truetime.Convicted:
		reasons = append(reasons, "It contradicts what it said before, and has no say until its fourth answer in a row that agrees with those before")
	case truetime.Unusable:
		reasons = append(reasons, "It answers, and what it says cannot be used")
	case truetime.Silent:
		reasons = append(reasons, "None of its last three polls was answered")
	case truetime.Undecided:
		reasons = append(reasons, "It has answered, and there is no agreement yet to hold it against")
	}
	if source.Err != nil {
		reasons = append(reasons, Clip(source.Err.Error()))
	}
	text := strings.Join(reasons, ": ")
	for _, more := range []struct {
		is   bool
		text string
	}{
		{source.NoVote, "It has no vote, as it is not authenticated"},
		{len(source.SameAs) > 0, "It may be the same machine as " + strings.Join(source.SameAs, ", ") + ": together they count once"},
		{source.HeldBack, "It has asked for fewer polls"},
	} {
		if more.is {
			text = join(text, more.text)
		}
	}
	return end(text)
}

// away says how far the interval of a source is from that of the clock, where they do not meet.
func away(s truetime.Status, source truetime.SourceStatus) string {
	switch {
	case !s.Interval.Valid() || !source.Interval.Valid():
		return ""
	case source.Interval.Earliest > s.Interval.Latest:
		return fmt.Sprintf(", and is %s ahead of it", Duration(source.Interval.Earliest.Sub(s.Interval.Latest)))
	case source.Interval.Latest < s.Interval.Earliest:
		return fmt.Sprintf(", and is %s behind it", Duration(s.Interval.Earliest.Sub(source.Interval.Latest)))
	}
	return ""
}

// join puts a sentence behind others.
func join(text, sentence string) string {
	if text == "" {
		return sentence
	}
	return end(text) + " " + sentence
}

// end ends a sentence.
func end(text string) string {
	if text == "" || strings.HasSuffix(text, "…") {
		return text
	}
	return strings.TrimRight(text, ".") + "."
}
