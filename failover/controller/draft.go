package controller

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// known returns the sets that the zone should hold as far as we know.
func known(z failover.ZoneState) []failover.RecordSet {
	if z.Written != nil {
		return z.Written
	}
	return z.Baseline
}

func (r *runner) draft(z failover.ZoneState, w *zoneWork) failover.Draft {
	d := r.draftOf(z, w.zone.Abilities())
	d.Force = r.forces(z)
	return d
}

// draftOf is what a plan for the zone is made from; it may be called beside the loop.
func (r *runner) draftOf(z failover.ZoneState, can failover.Abilities) failover.Draft {
	return failover.Draft{
		Site: r.site.Name, ZoneRef: z.ZoneRef, Names: z.Names, Baseline: z.Baseline,
		Fallback: r.fallback, ArmedTTL: r.site.TTL.Armed, Abilities: can,
		Written: z.Written, Lows: z.Lows, Fallbacks: r.formerly(z),
	}
}

// formerly returns the records of earlier fallbacks that are not the origin's now, as the configuration
// has it.
func (r *runner) formerly(z failover.ZoneState) []string {
	return slices.DeleteFunc(slices.Clone(z.Fallbacks), func(record string) bool {
		_, value, _ := strings.Cut(record, " ")
		return slices.ContainsFunc(r.site.Origin, func(a netip.Addr) bool { return value == a.String() }) ||
			slices.ContainsFunc(r.site.Records, func(s failover.RecordSet) bool { return slices.Contains(s.Values(), value) })
	})
}

// with returns the newest state with one zone changed.
func (r *runner) with(z failover.ZoneState) failover.State {
	s := r.running.Clone()
	*s.Zone(z.ZoneRef) = z
	return s
}

// changes renders differences in one line.
func changes(list []failover.Change) string {
	text := make([]string, len(list))
	for i, c := range list {
		switch {
		case c.Before == nil:
			text[i] = "+ " + c.After.String()
		case c.After == nil:
			text[i] = "- " + c.Before.String()
		default:
			text[i] = c.Before.String() + " -> " + c.After.String()
		}
	}
	return strings.Join(text, "; ")
}
