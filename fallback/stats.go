package fallback

import "sync/atomic"

// Stats are counts since the server was made, for metrics.
type Stats struct {
	Pages      uint64 // 503 answers with a site's page
	Problems   uint64 // 503 answers with a site's problem document
	NotServing uint64 // plain 503 answers for hosts of ours that are not failed over
	Unknown    uint64 // 421 answers
	Onward     uint64 // answers of origins that visitors were handed on to
	Stranded   uint64 // visitors who should have been handed on, and could not be
	Refused    uint64 // connections turned away at a limit
	Open       uint64 // connections open now
}

// counts are the running counters; they are all a request ever writes to.
type counts struct{ pages, problems, notServing, unknown, onward, stranded atomic.Uint64 }

// Stats returns the counts.
func (s *Server) Stats() Stats {
	stats := Stats{
		Pages: s.counts.pages.Load(), Problems: s.counts.problems.Load(),
		NotServing: s.counts.notServing.Load(), Unknown: s.counts.unknown.Load(),
		Onward: s.counts.onward.Load(), Stranded: s.counts.stranded.Load(),
	}
	stats.Open, stats.Refused = s.bound.counts()
	return stats
}
