package e2e

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// apiName is the API's name, which only the lab's resolver knows.
const apiName = "api.example.net"

// The resolver alone is cut, at a provider whose API is known by its name.
func resolverRows() []row {
	return []row{
		{fault: faultNetwork, how: "the resolver alone, and the origin dies", run: resolverCut(true)},
		{fault: faultNetwork, how: "the resolver alone, and the origin dies and recovers", run: resolverCut(false)},
	}
}

// resolverCut cuts the way to the resolver: the API cannot be found any more, nothing is changed, and an
// alarm tells of it. When it is back there is one switch if the origin is still dead, and none else.
func resolverCut(dead bool) func(t *testing.T) {
	return func(t *testing.T) {
		c, n := isolatedAs(t, "cloudflare", quick(), island{byName: true})
		n.resolve(c.Lab)
		c.begin(t)
		resolver := c.Addr(lab.AddrResolver).String()
		n.filter("", "ip daddr "+resolver+" drop")
		told := len(c.hooks.text())
		c.origin.set(refusing)
		c.stay(t, 6*time.Second, "the API cannot be found")
		c.m.waitStatus(t, "www", "waits for the provider to be seen", func(s failover.SiteStatus) bool {
			return s.State.Phase == failover.Suspect && slices.ContainsFunc(s.State.Vetoes, func(v failover.Veto) bool { return v.Rule == failover.VetoUnseen })
		})
		if text := c.hooks.text()[told:]; !strings.Contains(text, apiName) && !strings.Contains(text, failover.VetoUnseen) {
			t.Errorf("no webhook tells that the provider cannot be reached: %.3000s", text)
		}
		if diff := lab.DiffLines(c.before, c.dump(t)); diff != "" {
			t.Errorf("the zone was changed:\n%s", diff)
		}
		if !dead {
			c.origin.set(well)
			c.m.waitStatus(t, "www", "sees the origin well", func(s failover.SiteStatus) bool { return s.Verdict.Health == failover.Up })
		}
		n.filter("", "")
		switches := 0
		if dead {
			c.awaitFallback(t)
			c.origin.set(well)
			switches = 2
		} else {
			c.stay(t, 4*time.Second, "the resolver is back, and so is the origin")
		}
		c.finish(t)
		c.wantSwitches(t, switches)
	}
}

func (c *cell) byName() bool { return c.island != nil && c.island.byName }

// endpoint is the API as the configuration names it.
func (c *cell) endpoint() string {
	if c.byName() {
		return "https://" + apiName + cloudflaretest.Base
	}
	return c.server.URL
}

// resolve gives the namespace a resolver of its own, which knows the API's name and nothing else. ip-netns(8)
// puts the files of /etc/netns/NAME over those of /etc.
func (n *island) resolve(l *lab.Lab) {
	n.t.Helper()
	dir := filepath.Join("/etc/netns", n.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		lab.Missing(n.t, "the right to write "+dir+": "+err.Error())
	}
	n.t.Cleanup(func() {
		_ = os.RemoveAll(dir)
		_ = os.Remove("/etc/netns") // unless it holds another's
	})
	text := "nameserver " + l.Addr(lab.AddrResolver).String() + "\noptions timeout:1 attempts:1\n"
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", l.AddrPort(lab.AddrResolver, 53))
	if err != nil {
		n.t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		switch question := q.Question[0]; {
		case dns.CanonicalName(question.Name) != apiName+".":
			m.Rcode = dns.RcodeNameError
		case question.Qtype == dns.TypeA:
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: l.Addr(lab.AddrAPI).AsSlice()}}
		}
		_ = w.WriteMsg(m) // who does not wait asks again
	})}
	l.Go(func(ctx context.Context) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = server.ActivateAndServe()
		}()
		<-ctx.Done()
		packets.Close()
		<-ended
	})
}
