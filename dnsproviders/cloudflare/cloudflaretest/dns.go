package cloudflaretest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DNSOptions are how an API's content is served as DNS.
type DNSOptions struct {
	Listen      string        // host:port, UDP and TCP; port 0 takes a free one
	Nameservers []string      // of all zones; empty: ns1 and ns2.cloudflare.example
	Glue        []netip.Addr  // addresses of those nameservers that are inside a served zone
	Anycast     []netip.Addr  // what a proxied name has; empty: 127.0.0.80 and 127.0.0.81
	Delay       time.Duration // from a write to the answer that shows it
	Spread      time.Duration // at most so much more, for each record by itself: not atomic
}

// DNS is an authoritative nameserver of an API's zones.
type DNS struct {
	Addr    string // host:port
	options DNSOptions
	edge    *edge
	servers []*dns.Server
	ended   chan error
}

// ServeDNS starts a nameserver. Every API has one edge: the last call's delays count.
func (a *API) ServeDNS(o DNSOptions) (*DNS, error) {
	if len(o.Nameservers) == 0 {
		o.Nameservers = []string{"ns1.cloudflare.example", "ns2.cloudflare.example"}
	}
	if len(o.Anycast) == 0 {
		o.Anycast = []netip.Addr{netip.MustParseAddr("127.0.0.80"), netip.MustParseAddr("127.0.0.81")}
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	packets, err := net.ListenPacket("udp", listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	a.mu.Lock()
	for _, z := range a.zones { // known to the edge also while empty
		a.edge.schedule(z.name, z.records(), z.records(), time.Now())
	}
	a.mu.Unlock()
	s := &DNS{Addr: listener.Addr().String(), options: o, edge: a.edge, ended: make(chan error, 2)}
	s.Slow(o.Delay, o.Spread)
	s.servers = []*dns.Server{{Listener: listener, Handler: s}, {PacketConn: packets, Handler: s}}
	for _, server := range s.servers {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { s.ended <- server.ActivateAndServe() }()
		<-started
	}
	return s, nil
}

// Slow changes how long records take from now on, as in [DNSOptions].
func (s *DNS) Slow(delay, spread time.Duration) {
	s.edge.mu.Lock()
	defer s.edge.mu.Unlock()
	s.edge.delay, s.edge.spread = delay, spread
}

// Close stops the nameserver and waits for it.
func (s *DNS) Close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Shutdown())
	}
	for range s.servers {
		errs = append(errs, <-s.ended)
	}
	return errors.Join(errs...)
}

// ServeDNS implements dns.Handler.
func (s *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	if len(q.Question) != 1 || q.Opcode != dns.OpcodeQuery {
		m.Rcode = dns.RcodeNotImplemented
	} else {
		s.answer(m, strings.ToLower(strings.TrimSuffix(q.Question[0].Name, ".")), q.Question[0].Qtype)
	}
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
		size = max(size, min(int(opt.UDPSize()), 1232))
	}
	if _, tcp := w.RemoteAddr().(*net.TCPAddr); tcp {
		size = dns.MaxMsgSize
	}
	m.Truncate(size)
	_ = w.WriteMsg(m) // a client that has gone is no concern of ours
}

// answer fills in the answer, following aliases within the served zones.
func (s *DNS) answer(m *dns.Msg, name string, qtype uint16) {
	for hops := range 8 {
		apex, records, serial := s.edge.find(name)
		if apex == "" {
			if hops == 0 {
				m.Rcode = dns.RcodeRefused
			}
			return
		}
		m.Authoritative = true
		at, exists := covering(records, name, apex)
		rrs, alias := s.rrs(at, name, apex, qtype, serial)
		m.Answer = append(m.Answer, rrs...)
		if alias == "" {
			if len(rrs) == 0 {
				m.Ns = append(m.Ns, s.soa(apex, serial))
				if !exists && hops == 0 && !s.nameserver(name) {
					m.Rcode = dns.RcodeNameError
				}
			}
			return
		}
		name = alias
	}
}

// covering returns the records of a name: its own, or its wildcard's (RFC 4592), and whether it exists.
func covering(records []Record, name, apex string) (at []Record, exists bool) {
	names := map[string]bool{apex: true}
	for _, r := range records {
		for n := r.Name; n != apex && n != ""; _, n, _ = strings.Cut(n, ".") {
			names[n] = true // empty non-terminals exist too
		}
	}
	source := name
	for n := name; !names[n]; {
		_, n, _ = strings.Cut(n, ".")
		if source = "*." + n; names[n] {
			break
		}
	}
	if !names[source] {
		return nil, false
	}
	for _, r := range records {
		if r.Name == source {
			at = append(at, r)
		}
	}
	return at, true
}

// rrs returns the answers from the records at a name, and the name to go on with if it is an alias.
func (s *DNS) rrs(at []Record, name, apex string, qtype uint16, serial uint32) (rrs []dns.RR, alias string) {
	if name == apex && (qtype == dns.TypeSOA || qtype == dns.TypeNS) {
		return s.apex(apex, qtype, serial), ""
	}
	if rrs := s.glue(name, qtype); rrs != nil {
		return rrs, ""
	}
	for _, r := range at {
		switch {
		case r.Proxied && (qtype == dns.TypeA || qtype == dns.TypeAAAA):
			return s.proxied(name, qtype), ""
		case r.Proxied: // its own type and content stay hidden
		case r.Type == "CNAME" && qtype != dns.TypeCNAME:
			rrs = append(rrs, r.rr(name))
			alias = strings.ToLower(strings.TrimSuffix(r.Content, "."))
		case dns.StringToType[r.Type] == qtype:
			rrs = append(rrs, r.rr(name))
		}
	}
	return rrs, alias
}

func (s *DNS) apex(apex string, qtype uint16, serial uint32) []dns.RR {
	if qtype == dns.TypeSOA {
		return []dns.RR{s.soa(apex, serial)}
	}
	var rrs []dns.RR
	for _, ns := range s.options.Nameservers {
		rrs = append(rrs, &dns.NS{Hdr: header(apex, dns.TypeNS, 86400), Ns: dns.Fqdn(ns)})
	}
	return rrs
}

func (s *DNS) nameserver(name string) bool {
	for _, ns := range s.options.Nameservers {
		if strings.EqualFold(strings.TrimSuffix(ns, "."), name) {
			return true
		}
	}
	return false
}

func (s *DNS) glue(name string, qtype uint16) []dns.RR {
	if !s.nameserver(name) {
		return nil
	}
	return addresses(name, qtype, 86400, s.options.Glue)
}

// proxied is what a proxied name answers, whatever it holds: the proxy's own addresses.
func (s *DNS) proxied(name string, qtype uint16) []dns.RR {
	return addresses(name, qtype, 300, s.options.Anycast)
}

func addresses(name string, qtype uint16, ttl uint32, list []netip.Addr) []dns.RR {
	var rrs []dns.RR
	for _, a := range list {
		switch {
		case a.Is4() && qtype == dns.TypeA:
			rrs = append(rrs, &dns.A{Hdr: header(name, qtype, ttl), A: a.AsSlice()})
		case a.Is6() && qtype == dns.TypeAAAA:
			rrs = append(rrs, &dns.AAAA{Hdr: header(name, qtype, ttl), AAAA: a.AsSlice()})
		}
	}
	return rrs
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: dns.Fqdn(name), Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

func (s *DNS) soa(apex string, serial uint32) dns.RR {
	return &dns.SOA{Hdr: header(apex, dns.TypeSOA, 1800), Ns: dns.Fqdn(s.options.Nameservers[0]),
		Mbox: "dns.cloudflare.example.", Serial: serial, Refresh: 10000, Retry: 2400, Expire: 604800, Minttl: 1800}
}

// rr returns the record as DNS shows it, under the name that was asked for.
func (r Record) rr(name string) dns.RR {
	ttl := uint32(r.TTL)
	if ttl == 1 {
		ttl = 300
	}
	rdata := r.Content
	switch r.Type {
	case "CNAME", "NS", "PTR":
		rdata = dns.Fqdn(r.Content)
	case "MX":
		rdata = fmt.Sprintf("%v %s", *r.Priority, dns.Fqdn(r.Content))
	case "TXT":
		if !strings.HasPrefix(rdata, `"`) {
			rdata = fmt.Sprintf("%q", rdata)
		}
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(name), ttl, r.Type, rdata))
	if err != nil || rr == nil {
		return &dns.ANY{Hdr: header(name, dns.TypeANY, ttl)} // not reached with validated content
	}
	return rr
}
