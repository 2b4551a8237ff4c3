package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/failover-dns/failover/failover"
)

const exampleRecord = "www.example.org 300 IN A 203.0.113.10"

// records reads what the hosts hold while all is well, as lines of a master file (RFC 1035 section 5).
func (b body) records(hosts []failover.Host) []failover.RecordSet {
	given := b.texts("records", exampleRecord, false)
	sets, failed := map[string]*failover.RecordSet{}, false
	for _, t := range given {
		set, err := b.record(t, hosts)
		if err != nil {
			failed = true
			continue
		}
		known := sets[set.Key()]
		if known == nil {
			sets[set.Key()] = &set
			continue
		}
		if known.TTL != set.TTL {
			b.complain(t.at, "give the records of one name and type one TTL (RFC 2181 section 5.2)", "%s: records: %s %s has two TTLs, %d and %d",
				b.title, shown(set.Name), set.Type, known.TTL, set.TTL)
		}
		known.Records = append(known.Records, set.Records...)
	}
	var out []failover.RecordSet
	for _, set := range sets {
		slices.SortFunc(set.Records, func(a, b failover.Record) int { return strings.Compare(a.Value, b.Value) })
		out = append(out, *set)
	}
	if len(given) > 0 && !failed {
		b.everyHost(hosts, out)
	}
	return failover.SortSets(out)
}

// everyHost complains about hosts that declared records leave without an address.
func (b body) everyHost(hosts []failover.Host, sets []failover.RecordSet) {
	for _, h := range hosts {
		address := func(s failover.RecordSet) bool {
			return s.Name == h.Name && (s.Type == failover.TypeA || s.Type == failover.TypeAAAA || s.Type == failover.TypeCNAME)
		}
		if !slices.ContainsFunc(sets, address) {
			b.complain(b.attrs["records"].Expr.Range(), "give the records of every host, or of none",
				"%s: records: there is no A, AAAA or CNAME record of %s", b.title, shown(h.Name))
		}
	}
}

// record reads one line, which must be about one of the hosts; what is wrong with it has been said.
func (b body) record(t text, hosts []failover.Host) (failover.RecordSet, error) {
	set, err := parseRecord(t.value)
	if err != nil {
		b.complain(t.at, quote(exampleRecord), "%s: records: %q: %s", b.title, t.value, err)
		return set, err
	}
	if !slices.ContainsFunc(hosts, func(h failover.Host) bool { return h.Name == set.Name }) {
		b.complain(t.at, "give records of the site's hosts alone, by their whole names", "%s: records: %s is not one of the site's hosts", b.title, shown(set.Name))
		return set, errors.New("not a host")
	}
	if at, ours := b.loader.fallback[set.Records[0].Value]; ours {
		b.complain(t.at, "give what the host holds while all is well", "%s: records: %s is the fallback's own address (%s)", b.title, set.Records[0].Value, place(at))
		return set, errors.New("the fallback")
	}
	return set, nil
}

// parseRecord reads one line: owner, TTL in seconds, class IN if any, type, RDATA.
func parseRecord(line string) (failover.RecordSet, error) {
	fields := strings.Fields(line)
	if len(fields) > 2 && strings.EqualFold(fields[2], "IN") {
		fields = slices.Delete(fields, 2, 3)
	}
	if len(fields) < 4 {
		return failover.RecordSet{}, fmt.Errorf("a record is: owner, TTL, type, value")
	}
	ttl, err := strconv.ParseUint(fields[1], 10, 31) // RFC 2181 section 8
	if err != nil || ttl == 0 {
		return failover.RecordSet{}, fmt.Errorf("%q is not a TTL in seconds", fields[1])
	}
	set := failover.RecordSet{Name: failover.CanonicalName(fields[0]), Type: strings.ToUpper(fields[2]), TTL: uint32(ttl)}
	value := strings.Join(fields[3:], " ")
	switch set.Type {
	case failover.TypeA, failover.TypeAAAA:
		a, err := netip.ParseAddr(value)
		if err != nil || a.Is4() != (set.Type == failover.TypeA) || a.Zone() != "" {
			return set, fmt.Errorf("%q is not an address for %s", value, set.Type)
		}
		value = a.String()
	case failover.TypeCNAME:
		value = failover.CanonicalName(value)
	case failover.TypeHTTPS, failover.TypeSVCB:
	default:
		return set, fmt.Errorf("%s records do not move with a site; those that do are %s", set.Type, strings.Join(failover.ManagedTypes(), ", "))
	}
	set.Records = []failover.Record{{Value: value}}
	return set, nil
}
