package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// serveDNS answers on one port over UDP and TCP.
func serveDNS(t testing.TB, handler dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	var pc net.PacketConn
	l, err := net.Listen("tcp", "127.0.0.1:0")
	for i := 0; err == nil && i < 10; i++ { // the port must be free in both
		if pc, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			break
		}
		l.Close()
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: pc, Handler: handler}} {
		ready, done := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { defer close(done); server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { server.Shutdown(); <-done })
	}
	return netip.MustParseAddrPort(l.Addr().String())
}

func reply(code int, records ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetRcode(r, code)
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		w.WriteMsg(m)
	}
}

func isTCP(w dns.ResponseWriter) bool { _, ok := w.RemoteAddr().(*net.TCPAddr); return ok }

func TestDNSCauses(t *testing.T) {
	long := []string{}
	for i := range 200 {
		long = append(long, fmt.Sprintf("www.example.org. 30 IN A 192.0.2.%d", i))
	}
	cut := func(w dns.ResponseWriter, r *dns.Msg) {
		if isTCP(w) {
			reply(dns.RcodeSuccess, long...)(w, r)
			return
		}
		m := new(dns.Msg).SetReply(r)
		m.Truncated = true
		w.WriteMsg(m)
	}
	misled := func(w dns.ResponseWriter, r *dns.Msg) { // two wrong answers before the right one
		m := new(dns.Msg).SetReply(r)
		m.Id++
		w.WriteMsg(m)
		m = new(dns.Msg).SetRcode(r, dns.RcodeNameError)
		m.Question[0].Name = "other.example.org."
		w.WriteMsg(m)
		r.Question[0].Name = "WWW.example.org."
		reply(dns.RcodeSuccess, long[1])(w, r)
	}
	garbled := func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		wire, _ := m.Pack()
		wire[7] = 9 // announces nine answers that are not there
		w.Write(append(wire, 0xff))
	}
	for name, c := range map[string]struct {
		handler dns.HandlerFunc
		answer  string
		cause   failover.Cause
	}{
		"any":             {handler: reply(0, long[1])},
		"right":           {handler: reply(0, long[1], long[2]), answer: "192.0.2.2"},
		"through a CNAME": {handler: reply(0, "www.example.org. 30 IN CNAME a.example.net.", "a.example.net. 30 IN A 192.0.2.2"), answer: "192.0.2.2"},
		"wrong":           {handler: reply(0, long[1]), answer: "192.0.2.2", cause: failover.CauseDNSAnswer},
		"empty":           {handler: reply(0), cause: failover.CauseNoData},
		"CNAME only":      {handler: reply(0, "www.example.org. 30 IN CNAME a.example.net."), cause: failover.CauseNoData},
		"NXDOMAIN":        {handler: reply(dns.RcodeNameError), cause: failover.CauseNXDOMAIN},
		"SERVFAIL":        {handler: reply(dns.RcodeServerFailure), cause: failover.CauseServFail},
		"REFUSED":         {handler: reply(dns.RcodeRefused), cause: failover.CauseDNSRefused},
		"NOTIMP":          {handler: reply(dns.RcodeNotImplemented), cause: failover.CauseProtocol},
		"silence":         {handler: func(dns.ResponseWriter, *dns.Msg) {}, cause: failover.CauseDNSTimeout},
		"truncated":       {handler: cut, answer: "192.0.2.199"},
		"misled":          {handler: misled, answer: "192.0.2.1"},
		"garbled":         {handler: garbled, cause: failover.CauseProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			at := serveDNS(t, c.handler)
			check := failover.Check{Kind: failover.CheckDNS, RRType: "a", Answer: c.answer}
			if c.cause == failover.CauseDNSTimeout {
				check.Timeout = 200 * time.Millisecond
			}
			o := once(t, check, at, Options{})
			want(t, o, c.cause)
			if o.Timings.Resolve <= 0 {
				t.Errorf("timings: %+v", o.Timings)
			}
		})
	}
	t.Run("nothing listens", func(t *testing.T) {
		want(t, once(t, failover.Check{Kind: failover.CheckDNS, RRType: "A"}, closedPort(t), Options{}), failover.CauseRefused)
	})
}

// One lost datagram is not an outage.
func TestDNSAsksTwice(t *testing.T) {
	var asked atomic.Int32
	at := serveDNS(t, func(w dns.ResponseWriter, r *dns.Msg) {
		if asked.Add(1) > 1 {
			reply(0, "www.example.org. 30 IN A 192.0.2.1")(w, r)
		}
	})
	want(t, once(t, failover.Check{Kind: failover.CheckDNS, RRType: "A", Timeout: time.Second}, at, Options{}), "")
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestReference(t *testing.T) {
	refusing := serveDNS(t, reply(dns.RcodeRefused))
	silent := serveDNS(t, func(dns.ResponseWriter, *dns.Msg) {})
	for name, c := range map[string]struct {
		kind  string
		at    netip.AddrPort
		cause failover.Cause
	}{
		"tcp":             {ReferenceTCP, refusing, ""},
		"tcp, closed":     {ReferenceTCP, closedPort(t), failover.CauseRefused},
		"dns, any answer": {ReferenceDNS, refusing, ""},
		"dns, silent":     {ReferenceDNS, silent, failover.CauseDNSTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			look, err := Reference(c.kind, c.at.String(), 200*time.Millisecond, Options{Vantage: "here"})
			if err != nil {
				t.Fatal(err)
			}
			o := look(context.Background())
			want(t, o, c.cause)
			if o.Role != failover.RoleReference || o.Check != c.kind+" "+c.at.String() || o.Site != "" || o.Address != c.at.String() || o.Vantage != "here" {
				t.Errorf("identity: %+v", o)
			}
		})
	}
	for _, c := range [][2]string{{"tcp", "one.example.net:443"}, {"tcp", "192.0.2.1"}, {"icmp", "192.0.2.1:1"}} {
		if _, err := Reference(c[0], c[1], time.Second, Options{}); err == nil || !strings.Contains(err.Error(), "try: ") {
			t.Errorf("%v: got %v", c, err)
		}
	}
}
