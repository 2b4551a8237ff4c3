package rfc2136_test

import (
	"slices"
	"testing"
	"time"

	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// BenchmarkReplace measures one switch of a site at a real server, from decision to read-back:
// the re-read, the UPDATE and the read-back, each over a TCP connection of its own. Two hosts
// with A, AAAA and HTTPS move, there and back.
func BenchmarkReplace(b *testing.B) {
	for _, s := range peers {
		b.Run(s.name, func(b *testing.B) {
			p := s.start(b)
			origin := []failover.RecordSet{
				zonetest.Set(zonetest.Apex, "A", 600, "192.0.2.1", "192.0.2.2"), zonetest.Set(zonetest.Apex, "AAAA", 600, "2001:db8::1"),
				zonetest.Set(www, "A", 600, "192.0.2.1", "192.0.2.2"), zonetest.Set(www, "AAAA", 600, "2001:db8::1"),
				zonetest.Set(www, "HTTPS", 600, `1 . alpn="h2,h3" ipv4hint="192.0.2.1"`)}
			fallback := []failover.RecordSet{
				zonetest.Set(zonetest.Apex, "A", 60, "198.51.100.7"), zonetest.Set(www, "A", 60, "198.51.100.7")}
			p.reset(b, origin)
			z := p.provider(b).Zone(zonetest.Apex)
			plans := [2]failover.Plan{
				{ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{zonetest.Apex, www}, Before: origin, After: fallback},
				{ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{zonetest.Apex, www}, Before: fallback, After: origin}}
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if err := z.Replace(b.Context(), plans[i%2]); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
