package wire

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// CheckPlan is the last door before a zone is written: it refuses a plan that leaves the zone or
// its own names, touches a type that is not managed, leaves a name without an address, or puts a
// CNAME at the apex or beside another set (RFC 1034 section 3.6.2).
func CheckPlan(p failover.Plan) error {
	for _, set := range slices.Concat(p.Before, p.After) {
		switch {
		case !slices.Contains(p.Names, set.Name):
			return fmt.Errorf("the plan names %s, which is not among its names", set.Name)
		case !failover.InZone(set.Name, p.Zone):
			return fmt.Errorf("%s is outside the zone %s", set.Name, p.Zone)
		case !failover.Managed(set.Type):
			return fmt.Errorf("the plan touches a %s record, which is never touched", set.Type)
		case set.Proxied:
			return fmt.Errorf("%s is proxied, which this provider cannot do", set.Key())
		}
	}
	for _, name := range p.Names {
		if err := checkName(p, name); err != nil {
			return err
		}
	}
	return nil
}

func checkName(p failover.Plan, name string) error {
	addresses, cname, sets := 0, 0, 0
	for _, set := range p.After {
		if set.Name != name {
			continue
		}
		sets++
		switch set.Type {
		case failover.TypeCNAME:
			cname += len(set.Records)
			fallthrough
		case failover.TypeA, failover.TypeAAAA:
			addresses += len(set.Records)
		}
	}
	switch {
	case addresses == 0:
		return fmt.Errorf("the plan leaves %s without an address", name)
	case cname > 0 && name == p.Zone:
		return fmt.Errorf("a CNAME cannot stand at the apex %s", name)
	case cname > 1 || cname == 1 && sets > 1:
		return fmt.Errorf("a CNAME at %s must be alone", name)
	}
	return nil
}

// Select returns the records among rrs that form the given set.
func Select(rrs []dns.RR, name string, rrtype uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype == rrtype && dns.CanonicalName(rr.Header().Name) == name {
			found = append(found, rr)
		}
	}
	return found
}
