package truetime

// WithRequireAuthenticated gives a vote only to sources that are authenticated, such as those of
// ntpsrc.NTS. By default every source has one.
//
// The others are asked and judged like any, and Status shows what they say and whether it agrees;
// but nothing follows from it. They count neither for an answer nor against one, and can neither
// narrow the interval nor end an epoch. That matters because who can forge one unauthenticated
// reply can usually forge them all, and they would be a majority. A [Group] votes by its
// authenticated members.
//
// Voters are counted without them. That a source is authenticated says who it is, not that it is
// right: [WithFaulty] of the voters may still be wrong.
func WithRequireAuthenticated() Option {
	return func(c *config) { c.authenticated = true }
}

// mayVote reports whether a source may have a vote at all.
func (c *config) mayVote(i SourceInfo) bool { return !c.authenticated || i.Authenticated }
