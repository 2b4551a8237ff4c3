package cloudflaretest

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

var types = [...]string{"A", "AAAA", "CAA", "CERT", "CNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS",
	"OPENPGPKEY", "PTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"}

// check validates a record as the API does, beside the other records of its zone.
func (r Record) check(others []Record, minTTL float64) *problem {
	if !slices.Contains(types[:], r.Type) {
		return wrong(1004, "DNS Validation Error: invalid or missing DNS record type")
	}
	if _, ok := dns.IsDomainName(r.Name); !ok || len(r.Name) > 255 {
		return wrong(9000, "DNS name is invalid.")
	}
	if r.TTL != 1 && (r.TTL < minTTL || r.TTL > 86400) {
		return wrong(9021, "Invalid TTL. Must be between %v and 86400 seconds, or 1 for Automatic.", minTTL)
	}
	if r.Proxied && !r.Proxiable {
		return wrong(9004, "This record type cannot be proxied.")
	}
	if p := r.checkContent(); p != nil {
		return p
	}
	for _, o := range others {
		if o.ID == r.ID || o.Name != r.Name {
			continue
		}
		if p := r.conflict(o); p != nil {
			return p
		}
	}
	return nil
}

func (r Record) checkContent() *problem {
	_, isName := dns.IsDomainName(r.Content)
	switch addr, err := netip.ParseAddr(r.Content); {
	case r.Type == "A" && (err != nil || !addr.Is4()):
		return wrong(9005, "Content for A record must be a valid IPv4 address.")
	case r.Type == "AAAA" && (err != nil || !addr.Is6() || addr.Zone() != ""):
		return wrong(9006, "Content for AAAA record must be a valid IPv6 address.")
	case r.Type == "CNAME" && (!isName || r.Content == "" || err == nil):
		return wrong(9007, "Content for CNAME record is invalid.")
	case r.Type == "CNAME" && strings.EqualFold(strings.TrimSuffix(r.Content, "."), r.Name):
		return wrong(9039, "CNAME content cannot reference itself.")
	case r.Type == "MX" && (!isName || r.Content == ""):
		return wrong(9009, "Content for MX record must be a hostname.")
	case r.Type == "MX" && r.Priority == nil:
		return wrong(9100, "Valid priority is required for MX records.")
	case structured(r.Type) && len(r.Data) == 0:
		return wrong(9101, "Record data is required for %s records.", r.Type)
	case !structured(r.Type) && r.Type != "URI" && r.Content == "":
		return wrong(9020, "Content is required.")
	}
	return nil
}

// conflict tells what forbids two records at one name.
func (r Record) conflict(o Record) *problem {
	host := func(t string) bool { return t == "A" || t == "AAAA" || t == "CNAME" }
	switch {
	case r.Type == "CNAME" && host(o.Type):
		return wrong(81053, "An A, AAAA, or CNAME record with that host already exists.")
	case host(r.Type) && o.Type == "CNAME":
		return wrong(81054, "A CNAME record with that host already exists.")
	case host(r.Type) && o.Type == "NS", r.Type == "NS" && host(o.Type):
		return wrong(81056, "NS records with that host already exist.")
	case r.Type == o.Type && strings.EqualFold(strings.TrimSuffix(r.Content, "."), strings.TrimSuffix(o.Content, ".")):
		return wrong(81058, "An identical record already exists.")
	}
	return nil
}
