package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// Kinds of reference.
const (
	ReferenceTCP = "tcp"
	ReferenceDNS = "dns"
)

// Reference returns the look at a place that is always up: a TCP connection, or a DNS query for
// the root's name servers, to which any answer counts. The address is an IP address and a port.
func Reference(kind, address string, timeout time.Duration, opt Options) (Func, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("reference %q: not an IP address and port; try: \"192.0.2.1:443\": %w", address, err)
	}
	l := look{
		identity: failover.Observation{Role: failover.RoleReference, Check: kind + " " + address},
		address:  at,
		timeout:  timeout,
	}
	switch kind {
	case ReferenceTCP:
		l.ask = askTCP(at)
	case ReferenceDNS:
		root := dns.Question{Name: ".", Qtype: dns.TypeNS, Qclass: dns.ClassINET}
		l.ask = dnsLook{at: at, query: root, accept: func(*dns.Msg) error { return nil }}.ask
	default:
		return nil, fmt.Errorf("reference %q: unknown kind %q; try: tcp or dns", address, kind)
	}
	return l.start(opt), nil
}
