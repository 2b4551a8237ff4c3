// Package zonetest is the contract of failover.Zone as a test suite. Every provider passes it;
// what only one provider knows (faults of its wire, opaque fields) it tests beside the suite.
package zonetest

import (
	"testing"

	"github.com/failover-dns/failover/failover"
)

// Apex is the zone that all cases work in.
const Apex = "example.org."

// Harness is what a provider brings to the suite.
type Harness struct {
	// Open returns a fresh zone that holds exactly the seed, plus whatever the provider needs at
	// the apex (SOA, NS). The seed holds no SOA and no NS. Cases run one after another, so one
	// server may be emptied and filled again. What Open starts it stops in t.Cleanup.
	Open func(t *testing.T, apex string, seed []failover.RecordSet) Backend
}

// Backend is an open zone, and the door behind the provider's back.
type Backend struct {
	// Zone is the implementation under test.
	Zone failover.Zone
	// Dump returns the whole content of the zone at one instant, SOA and NS included if they are
	// there, in the values that Read would give. It is called from several goroutines and in
	// quick succession, also while a Replace is under way: it serves as the watcher that no name
	// is ever empty.
	Dump func() ([]failover.RecordSet, error)
	// Put replaces the whole set of the given owner and type, or removes it if set.Records is empty.
	Put func(set failover.RecordSet) error
}

// Run runs the suite. What the zone's Abilities exclude is not asked of it.
func Run(t *testing.T, h Harness) {
	t.Run("read", func(t *testing.T) { runReads(t, h) })
	t.Run("replace", func(t *testing.T) { runReplaces(t, h) })
	t.Run("drift", func(t *testing.T) { runDrift(t, h) })
	t.Run("already after", func(t *testing.T) { alreadyAfter(t, h) })
	t.Run("foreign types are not drift", func(t *testing.T) { foreignTypes(t, h) })
	t.Run("concurrent", func(t *testing.T) { runConcurrent(t, h) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, h) })
}

// Set builds a record set.
func Set(name, rrtype string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v})
	}
	return s
}

// TTLs of the cases, in seconds; every provider takes them.
const (
	longTTL = 600
	lowTTL  = 60
)

// Names of the cases.
const (
	www      = "www." + Apex
	shop     = "shop." + Apex
	plain    = "plain." + Apex
	wildcard = "*.apps." + Apex
	other    = "other." + Apex
)

// seed is the zone as most cases find it.
func seed() []failover.RecordSet {
	return []failover.RecordSet{
		Set(Apex, "A", longTTL, "192.0.2.1"),
		Set(Apex, "AAAA", longTTL, "2001:db8::1"),
		Set(Apex, "MX", longTTL, "10 mail."+Apex),
		Set(Apex, "TXT", longTTL, `"v=spf1 mx -all"`),
		Set(www, "A", longTTL, "192.0.2.1", "192.0.2.2"),
		Set(www, "AAAA", longTTL, "2001:db8::1"),
		Set(www, "HTTPS", longTTL, `1 . alpn="h2,h3" ipv4hint="192.0.2.1"`),
		Set(www, "TXT", longTTL, `"kept; \"as it is\""`),
		Set(shop, "CNAME", longTTL, "shops.example.net."),
		Set(plain, "A", longTTL, "192.0.2.4"),
		Set(wildcard, "A", longTTL, "192.0.2.3"),
		Set("deep.below."+Apex, "A", longTTL, "192.0.2.5"),
		Set("mail."+Apex, "A", longTTL, "192.0.2.9"),
		Set(other, "A", longTTL, "192.0.2.7", "192.0.2.8"),
		Set(other, "CAA", longTTL, `0 issue "ca.example.net"`),
	}
}
