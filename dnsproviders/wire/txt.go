package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// acmeTTL is what a challenge record gets that brings no TTL, in seconds.
const acmeTTL = 60

// TXTs converts libdns records to TXT records of the zone. ACME (RFC 8555 section 8.4) needs no
// other type and never an empty value, which in libdns would mean "all of them": both are refused.
func TXTs(zone string, records []libdns.Record) ([]dns.RR, error) {
	rrs := make([]dns.RR, 0, len(records))
	for _, record := range records {
		r := record.RR()
		name := failover.CanonicalName(libdns.AbsoluteName(r.Name, failover.CanonicalName(zone)))
		switch _, ok := dns.IsDomainName(name); {
		case r.Type != "TXT":
			return nil, fmt.Errorf("%s %s: only TXT records are written here", name, r.Type)
		case r.Data == "":
			return nil, fmt.Errorf("%s TXT: the value is empty", name)
		case !ok || !failover.InZone(name, failover.CanonicalName(zone)):
			return nil, fmt.Errorf("%q is not a name in the zone %s", name, zone)
		}
		ttl := uint32(r.TTL / time.Second)
		if ttl == 0 {
			ttl = acmeTTL
		}
		h := dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl}
		rrs = append(rrs, &dns.TXT{Hdr: h, Txt: segments(r.Data)})
	}
	return rrs, nil
}

// segments cuts a text into character-strings of at most 255 bytes (RFC 1035 section 3.3.14),
// with the backslashes that miekg/dns takes for escapes doubled.
func segments(text string) []string {
	var list []string
	for ; len(text) > 255; text = text[255:] {
		list = append(list, escape(text[:255]))
	}
	return append(list, escape(text))
}

func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}
