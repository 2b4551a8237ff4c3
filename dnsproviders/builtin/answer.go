package builtin

import (
	"slices"

	"github.com/miekg/dns"
)

const (
	maxUDP   = 1232 // largest answer over UDP, to avoid fragmentation (DNS flag day 2020)
	leastUDP = 512  // RFC 1035 section 4.2.1
	maxChain = 8    // CNAMEs followed within a zone
)

// Answer returns the answer to a message as it came from the wire, or nil where silence is the
// answer: to what is no message, and to answers. It never fails and never panics.
func (s *Server) Answer(raw []byte, tcp bool) (out []byte) {
	q := new(dns.Msg)
	defer func() {
		if trouble := recover(); trouble != nil {
			s.log.Error("a question made the dns server panic", "panic", trouble)
			out, _ = refuse(q, dns.RcodeServerFailure).Pack()
		}
	}()
	if err := q.Unpack(raw); err != nil || q.Response {
		return nil
	}
	m := s.reply(q)
	limit := dns.MaxMsgSize
	if !tcp {
		limit = leastUDP
	}
	if opt := q.IsEdns0(); opt != nil {
		if !tcp {
			limit = int(min(max(opt.UDPSize(), leastUDP), maxUDP))
		}
		o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		o.SetUDPSize(maxUDP)
		if opt.Do() {
			o.SetDo() // RFC 3225 section 3
		}
		m.Extra = append(m.Extra, o)
	}
	m.Truncate(limit)
	m.Compress = true
	out, err := m.Pack()
	if err != nil {
		s.log.Error("an answer does not pack", "error", err)
		out, _ = refuse(q, dns.RcodeServerFailure).Pack()
	}
	return out
}

// refuse is an answer that holds nothing but a code.
func refuse(q *dns.Msg, rcode int) *dns.Msg {
	m := new(dns.Msg)
	m.MsgHdr = dns.MsgHdr{Id: q.Id, Response: true, Opcode: q.Opcode, RecursionDesired: q.RecursionDesired, Rcode: rcode}
	if len(q.Question) > 0 {
		m.Question = q.Question[:1]
	}
	return m
}

// reply decides the answer.
func (s *Server) reply(q *dns.Msg) *dns.Msg {
	options := 0
	for _, rr := range q.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			options++
		}
	}
	switch {
	case q.Opcode != dns.OpcodeQuery:
		return refuse(q, dns.RcodeNotImplemented)
	case len(q.Question) != 1 || options > 1: // RFC 6891 section 6.1.1
		return refuse(q, dns.RcodeFormatError)
	case options == 1 && q.IsEdns0().Version() != 0:
		return refuse(q, dns.RcodeBadVers)
	case q.Question[0].Qclass != dns.ClassINET && q.Question[0].Qclass != dns.ClassANY:
		return refuse(q, dns.RcodeRefused)
	}
	qtype := q.Question[0].Qtype
	if qtype == dns.TypeOPT || qtype >= 128 && qtype < dns.TypeANY { // meta types (RFC 6895 section 3.1), transfers among them
		return refuse(q, dns.RcodeRefused)
	}
	z := s.closest(dns.CanonicalName(q.Question[0].Name))
	if z == nil {
		return refuse(q, dns.RcodeRefused)
	}
	m := refuse(q, dns.RcodeSuccess)
	m.Authoritative = true
	z.content.Load().resolve(m, q.Question[0].Name, qtype)
	return m
}

// resolve fills in the answer to a name and type (RFC 1034 section 4.3.2).
func (c *content) resolve(m *dns.Msg, owner string, qtype uint16) {
	name := dns.CanonicalName(owner)
	for range maxChain {
		n, exists := c.lookup(name)
		if !exists {
			m.Rcode = dns.RcodeNameError // also at the end of a chain (RFC 6604 section 3)
			m.Ns = []dns.RR{c.negative()}
			return
		}
		set := n.pick(qtype)
		if len(set) == 0 {
			set = n[dns.TypeCNAME]
		}
		if len(set) == 0 {
			m.Ns = []dns.RR{c.negative()}
			return
		}
		for _, rr := range set {
			rr = dns.Copy(rr)
			rr.Header().Name = owner // as asked, and the asked name where a wildcard speaks
			m.Answer = append(m.Answer, rr)
		}
		cname, ok := set[0].(*dns.CNAME)
		if !ok || qtype == dns.TypeCNAME || qtype == dns.TypeANY {
			return
		}
		owner = cname.Target
		name = dns.CanonicalName(owner)
		if !dns.IsSubDomain(c.apex, name) || answered(m, name) {
			return
		}
	}
}

// answered tells whether the answer holds a CNAME of this name already: a loop.
func answered(m *dns.Msg, name string) bool {
	return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return dns.CanonicalName(rr.Header().Name) == name })
}

// lookup finds the node that speaks for a name: its own, or that of the wildcard below its closest
// encloser (RFC 4592 section 3.3.1).
func (c *content) lookup(name string) (node, bool) {
	if n, ok := c.nodes[name]; ok {
		return n, true
	}
	for name != c.apex {
		parent, ok := parentOf(name)
		if !ok {
			break
		}
		if _, ok := c.nodes[parent]; ok {
			n, ok := c.nodes["*."+parent]
			return n, ok
		}
		name = parent
	}
	return nil, false
}

// pick returns the set of a type; for ANY one set, any (RFC 8482 section 4.1).
func (n node) pick(qtype uint16) []dns.RR {
	if qtype != dns.TypeANY {
		return n[qtype]
	}
	least := uint16(0)
	for rrtype := range n {
		if least == 0 || rrtype < least {
			least = rrtype
		}
	}
	return n[least]
}

// negative returns the SOA as it stands in a negative answer (RFC 2308 section 3).
func (c *content) negative() dns.RR {
	soa := *c.soa
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return &soa
}
