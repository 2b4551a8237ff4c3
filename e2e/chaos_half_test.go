package e2e

import (
	"testing"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
)

// Batches that the API carries out up to the middle, as a provider without transactions does that
// stops on the way. The API's description promises that this never happens.
func halfRows() []row {
	type f = cloudflaretest.Fault
	return []row{
		{fault: faultPartial, how: "half a batch, then 500", run: halved(f{Kind: cloudflaretest.Refuse, Status: 500, Code: 1000, Half: true, Op: writes})},
		{fault: faultPartial, how: "half a batch, then the connection closed", run: halved(f{Kind: cloudflaretest.Drop, Half: true, Op: writes})},
		{fault: faultPartial, how: "half of each of three batches", run: halved(f{Kind: cloudflaretest.Refuse, Status: 500, Code: 1000, Half: true, Op: writes, Times: 3})},
	}
}

// halved plays an outage whose changes stop in the middle: the lowering of TTLs, the switch and the
// return. All three come to their end by themselves, and what returns is what was there before.
func halved(fault cloudflaretest.Fault) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.eyes.mixed.Store(true)
		c.begin(t)
		c.api.Fail(fault)
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.settled(t)
		c.api.Fail(fault)
		c.origin.set(well)
		c.finish(t)
		if left := c.api.Faults(); len(left) > 0 {
			t.Errorf("the faults never struck: %+v", left)
		}
	}
}
