package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// canonical returns the record's RDATA in presentation format, as every provider of ours gives it.
// What can't be understood is returned as it is: it compares equal to itself and is never lost.
func (r record) canonical() string {
	switch r.Type {
	case failover.TypeA, failover.TypeAAAA:
		if a, err := netip.ParseAddr(r.Content); err == nil {
			return a.String()
		}
	case failover.TypeCNAME, "NS", "PTR":
		return failover.CanonicalName(r.Content)
	case "MX":
		return fmt.Sprintf("%d %s", uint16(r.Priority), failover.CanonicalName(r.Content))
	case failover.TypeHTTPS, failover.TypeSVCB:
		return canonicalBinding(r.Type, r.binding())
	}
	return r.Content
}

// bindingData is the `data` of an HTTPS or SVCB record (RFC 9460).
type bindingData struct {
	Priority uint16 `json:"priority"`
	Target   string `json:"target"`
	Value    string `json:"value"` // the parameters
}

// binding returns an HTTPS or SVCB record's RDATA. The content is made by Cloudflare from the data,
// so the data comes first.
func (r record) binding() string {
	var d bindingData
	if json.Unmarshal(r.Data, &d) != nil || d.Target == "" {
		return r.Content
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", d.Priority, failover.CanonicalName(d.Target), d.Value))
}

// canonicalBinding brings the parameters into one spelling and order (RFC 9460 section 2.1).
func canonicalBinding(rrtype, rdata string) string {
	rrs, err := wire.RRs(failover.RecordSet{Name: ".", Type: rrtype, Records: []failover.Record{{Value: rdata}}})
	if err != nil {
		return rdata
	}
	return wire.Value(rrs[0])
}

// setValue writes a canonical value into a record to be sent: `data` for the types that have one,
// `content` for the others.
func setValue(fields map[string]any, rrtype, value string) error {
	if rrtype != failover.TypeHTTPS && rrtype != failover.TypeSVCB {
		fields["content"] = value
		if rrtype == failover.TypeCNAME {
			fields["content"] = bare(value)
		}
		return nil
	}
	parts := strings.SplitN(value, " ", 3)
	if len(parts) < 2 {
		return fmt.Errorf("%s %q is no service binding", rrtype, value)
	}
	priority, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return fmt.Errorf("%s %q: priority: %w", rrtype, value, err)
	}
	d := bindingData{Priority: uint16(priority), Target: parts[1]}
	if len(parts) == 3 {
		d.Value = parts[2]
	}
	fields["data"] = d
	return nil
}

// bare returns a name as the API writes it, without the final dot.
func bare(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}
