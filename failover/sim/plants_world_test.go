package sim

import (
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// plantsWorld are broken promises about what visitors, providers and readers of logs see.
func plantsWorld() []plant {
	return []plant{
		{"the fallback is not ready", "I2", "does not serve it", func(h *History) {
			h.Facts = slices.Insert(h.Facts, 1, Fact{At: h.Facts[1].At, What: factReady, Host: "site0.example.org."})
		}},
		{"the page comes too late", "I2", "no page for it", func(h *History) {
			drop(h, func(f Fact) bool { return f.What == factPublish && f.OK })
		}},
		{"a provider's word is ignored", "I10", "before it was allowed to", func(h *History) {
			h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At, What: factAnswer, Site: "site0", Zone: zoneA, Kind: failover.KindRateLimited, RetryAfter: time.Hour})
			for i := range 7 {
				h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At.Add(time.Duration(10+i) * time.Minute), What: factCall, Site: "site0", Zone: zoneA})
			}
		}},
		{"the page goes with visitors still coming", "I12", "visitors still coming", func(h *History) {
			v := last(h, factVersion)
			for i := range h.Facts {
				f := h.Facts[i]
				if f.Plan != nil && f.Plan.Target != failover.ToFallback && i > 0 && v.Plan.Generation-f.Plan.Generation == 1 {
					h.Facts = slices.Insert(h.Facts, i+1, Fact{At: f.At, What: factPublish, Site: "site0"})
					return
				}
			}
		}},
		{"the page goes in the middle of the outage", "I12", "points at the fallback", func(h *History) {
			i := slices.IndexFunc(h.Facts, func(f Fact) bool { return f.Plan != nil && f.Plan.Target == failover.ToFallback })
			h.Facts = slices.Insert(h.Facts, i+1, Fact{At: h.Facts[i].At, What: factPublish, Site: "site0"})
		}},
		{"a token in the journal", "I11", "the journal holds a secret", func(h *History) {
			e := last(h, factEntry)
			e.Text = append(slices.Clone(e.Text), canary...)
		}},
		{"a token in the status", "I11", "a status holds a secret", func(h *History) {
			last(h, factFinal).Final.Status.Trouble = "401: Bearer " + canary
		}},
		{"a token in an alarm", "I11", "an alarm holds a secret", func(h *History) {
			h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At, What: factAlarm, Note: "zone: Bearer " + canary})
		}},
		{"a token in the log", "I11", "the log holds a secret", func(h *History) {
			h.log.text.WriteString(canary)
		}},
	}
}
