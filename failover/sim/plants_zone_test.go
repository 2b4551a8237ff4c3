package sim

import (
	"slices"

	"github.com/failover-dns/failover/failover"
)

// plantsZone are broken promises about what is in the zones.
func plantsZone() []plant {
	return []plant{
		{"the journal forgets the baseline", "I1", "neither in the journal nor in the zone", func(h *History) {
			eachZone(h, func(z *failover.ZoneState) { z.Baseline = nil })
		}},
		{"our own address becomes the baseline", "I1", "taken for an original", func(h *History) {
			eachZone(h, func(z *failover.ZoneState) {
				z.Baseline = []failover.RecordSet{set(z.Names[0], "A", 30, "198.51.100.7")}
			})
		}},
		{"half of a pair does not come back", "I3", "should be as it was", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "site0.example.org. AAAA")
		}},
		{"the provider's own fields do not come back", "I3", "other fields", func(h *History) {
			v := last(h, factVersion)
			v.Sets = failover.CloneSets(v.Sets)
			for i := range v.Sets {
				if v.Sets[i].Key() == "site0.example.org. A" {
					v.Sets[i].Records[0].Opaque = nil
				}
			}
		}},
		{"it stays at the fallback", "I3", "and the origin is up", func(h *History) {
			last(h, factFinal).Final.Status.State.Phase = failover.InFallback
		}},
		{"trouble without an alarm", "I3", "no alarm", func(h *History) {
			for i := range h.Facts {
				if f := h.Facts[i].Final; f != nil && !f.Settled {
					f.Status.State.Zones = slices.Clone(f.Status.State.Zones)
					f.Status.State.Zones[0].Trouble = "something"
				}
			}
		}},
		{"somebody's MX is changed", "I4", "does not govern", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "example.org. MX")
		}},
		{"an empty name", "I8", "no address", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "www.site0.example.org. A")
		}},
		{"the site leaves with a low TTL", "I3", "not managed any more, and is not as it was", func(h *History) {
			leave(h, set("site0.example.org.", "A", 30, "192.0.2.1", "192.0.2.5"))
		}},
		{"the site leaves at the fallback", "I1", "not managed any more, and points at the fallback", func(h *History) {
			leave(h, set("site0.example.org.", "A", 30, "198.51.100.7"))
		}},
		{"a site that left is changed", "I4", "is not configured", func(h *History) {
			h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At, What: factReload}, *last(h, factVersion))
		}},
		{"it stays at an address that the fallback had", "I3", "should be at the fallback", func(h *History) {
			atFallback(h)
			h.Facts = slices.Insert(h.Facts, len(h.Facts)-1, Fact{At: h.Facts[0].At, What: factReload, Sites: h.Sites, Fallback: moved4})
		}},
		{"the proxy is gone at the fallback", "I3", "is proxied", func(h *History) {
			for key, sets := range h.Seed {
				h.Seed[key] = slices.Clone(sets)
				for i := range sets {
					h.Seed[key][i].Proxied = true
				}
			}
			atFallback(h)
		}},
		{"an armed site has its old TTLs", "I3", "should be as it was", func(h *History) {
			last(h, factFinal).Final.Status.State.Armed = true
		}},
		{"what a human deleted comes back", "I3", "should be as it was", func(h *History) {
			v := *last(h, factVersion)
			edit := Fact{At: h.Facts[0].At, What: factVersion, Author: human, Zone: v.Zone, Sets: without(h.Seed[v.Zone], "site0.example.org. AAAA")}
			h.Facts = slices.Insert(h.Facts, 1, edit)
		}},
	}
}
