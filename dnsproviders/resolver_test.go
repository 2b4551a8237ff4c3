package dnsproviders_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
)

// forwarder is a small caching resolver in front of one name server. It honours TTLs.
type forwarder struct {
	upstream netip.AddrPort
	mu       sync.Mutex
	held     map[dns.Question]*dns.Msg
	at       map[dns.Question]time.Time
}

func (f *forwarder) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := q.Question[0]
	m, age := f.held[key], time.Since(f.at[key])
	if m == nil || len(m.Answer) == 0 || age >= time.Duration(m.Answer[0].Header().Ttl)*time.Second {
		var err error
		if m, err = (wire.Client{Server: f.upstream.String()}).Exchange(context.Background(), wire.Query(key.Name, key.Qtype)); err != nil {
			w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
			return
		}
		f.held[key], f.at[key], age = m, time.Now(), 0
	}
	reply := new(dns.Msg).SetReply(q)
	reply.RecursionAvailable = true
	for _, rr := range m.Answer {
		rr = dns.Copy(rr)
		rr.Header().Ttl -= uint32(age / time.Second)
		reply.Answer = append(reply.Answer, rr)
	}
	w.WriteMsg(reply)
}

// resolver starts a forwarder.
func resolver(t *testing.T, upstream netip.AddrPort) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, stopped := make(chan struct{}), make(chan struct{})
	s := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(started) },
		Handler: &forwarder{upstream: upstream, held: map[dns.Question]*dns.Msg{}, at: map[dns.Question]time.Time{}}}
	go func() { defer close(stopped); s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { s.Shutdown(); <-stopped })
	return packets.LocalAddr().String()
}

// TestPanelOverTheWire: two resolvers in front of a real name server; visitors of the first asked a
// moment before the switch.
func TestPanelOverTheWire(t *testing.T) {
	ns, addr := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 2 IN A 192.0.2.1")
	warm, cold := resolver(t, addr), resolver(t, addr)
	q := wire.Query(www, dns.TypeA)
	if _, err := (wire.Client{Server: warm}).Exchange(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	after := zonetest.Set(www, "A", 2, "198.51.100.7")
	ns.Put(t.Context(), apex, after)
	deaf := "127.0.0.1:1"
	p, err := dnsproviders.NewPanel(dnsproviders.PanelOptions{Resolvers: []string{warm, cold, deaf}, Within: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	change := planTo([]string{www}, after)
	change.Before = append(change.Before, zonetest.Set(www, "A", 2, "192.0.2.1"))
	begun := time.Now()
	got, err := p.Ask(t.Context(), change)
	if err != nil || len(got) != 3 || !got[0].OK || !got[1].OK || got[2].OK {
		t.Fatalf("%+v %v", got, err)
	}
	if took := got[0].At.Sub(begun); took < time.Second || !got[1].At.Before(got[0].At) {
		t.Errorf("the warm one after %v, the cold one after %v", took, got[1].At.Sub(begun))
	}
	if got[2].Detail == "" {
		t.Error("it is not said why the deaf one did not answer")
	}
}
