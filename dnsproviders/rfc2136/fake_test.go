package rfc2136_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/rfc2136"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// fake is a nameserver that misbehaves as told. It knows no wildcards and no prerequisites.
type fake struct {
	addr string

	mu      sync.Mutex
	records []dns.RR
	updates int
	serial  uint32
	// onUpdate answers an UPDATE; nil closes the connection without a word.
	onUpdate func(f *fake, m *dns.Msg) *dns.Msg
	// onQuery may change an answer; nil closes the connection without a word.
	onQuery func(m *dns.Msg) *dns.Msg
}

func startFake(t *testing.T, sets ...failover.RecordSet) *fake {
	t.Helper()
	rrs, err := wire.AllRRs(sets)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: listener.Addr().String(), records: rrs}
	started, stopped := make(chan struct{}), make(chan struct{})
	s := &dns.Server{Listener: listener, Handler: f, TsigSecret: map[string]string{keyName: secret, "other.": "b3RoZXIgc2VjcmV0IDAxMjM0NTY3ODkwMTIzNDU2Nzg="},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }, NotifyStartedFunc: func() { close(started) }}
	go func() { defer close(stopped); s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { s.Shutdown(); <-stopped })
	return f
}

func (f *fake) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var m *dns.Msg
	if q.Opcode == dns.OpcodeUpdate {
		f.updates++
		m = f.onUpdate(f, q)
	} else {
		m = f.query(q)
		if f.onQuery != nil {
			m = f.onQuery(m)
		}
	}
	if m == nil {
		w.Close()
		return
	}
	if w.TsigStatus() == nil && m.IsTsig() == nil {
		m.SetTsig(keyName, keyAlgo, 300, time.Now().Unix())
	}
	w.WriteMsg(m)
}

func (f *fake) query(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	for _, rr := range f.records {
		if rr.Header().Name == q.Question[0].Name && rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	if q.Question[0].Name == zonetest.Apex && q.Question[0].Qtype == dns.TypeSOA {
		h := dns.RR_Header{Name: zonetest.Apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET}
		m.Answer = append(m.Answer, &dns.SOA{Hdr: h, Ns: ".", Mbox: ".", Serial: f.serial})
	}
	if len(m.Answer) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	return m
}

// apply does what the UPDATE says, without its prerequisites.
func (f *fake) apply(q *dns.Msg) *dns.Msg {
	for _, rr := range q.Ns {
		if rr.Header().Class == dns.ClassANY {
			kept := f.records[:0:0]
			for _, old := range f.records {
				if old.Header().Name != rr.Header().Name || old.Header().Rrtype != rr.Header().Rrtype {
					kept = append(kept, old)
				}
			}
			f.records = kept
		} else {
			f.records = append(f.records, rr)
		}
	}
	return new(dns.Msg).SetReply(q)
}

func (f *fake) sets() []failover.RecordSet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return wire.Sets(f.records)
}

// sent tells how many UPDATEs came.
func (f *fake) sent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.updates
}

func (f *fake) zone(t *testing.T) failover.Zone {
	t.Helper()
	p, err := rfc2136.Open(rfc2136.Options{Server: f.addr, TSIGName: keyName, TSIGAlgo: keyAlgo, TSIGSecret: secret, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return p.Zone(zonetest.Apex)
}
