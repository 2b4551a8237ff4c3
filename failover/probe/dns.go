package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// dnsLook asks a name server one question, over UDP and, when the answer is cut off, over TCP
// (RFC 1035 section 4.2, RFC 7766).
type dnsLook struct {
	at     netip.AddrPort
	query  dns.Question
	accept func(*dns.Msg) error
}

func newDNS(check failover.Check, at netip.AddrPort) (ask, error) {
	rrtype, found := dns.StringToType[strings.ToUpper(check.RRType)]
	name := dns.CanonicalName(check.Host)
	if _, ok := dns.IsDomainName(check.Host); !ok || !found {
		return nil, fmt.Errorf("cannot ask for name %q, type %q; try: name = \"example.org\" type = \"A\"", check.Host, check.RRType)
	}
	var want dns.RR
	if check.Answer != "" {
		var err error
		if want, err = dns.NewRR(fmt.Sprintf("%s 0 IN %s %s", name, strings.ToUpper(check.RRType), check.Answer)); err != nil || want == nil {
			return nil, fmt.Errorf("answer %q is not a value of type %s", check.Answer, check.RRType)
		}
	}
	l := dnsLook{at: at, query: dns.Question{Name: name, Qtype: rrtype, Qclass: dns.ClassINET}}
	l.accept = func(m *dns.Msg) error { return l.judge(m, want) }
	return l.ask, nil
}

func (l dnsLook) ask(ctx context.Context, o *failover.Observation) error {
	start := time.Now()
	answer, err := l.overUDP(ctx)
	o.Timings.Resolve = time.Since(start)
	if err == nil && answer.Truncated {
		answer, err = l.overTCP(ctx, o)
		o.Timings.Resolve = time.Since(start)
	}
	if err != nil {
		return querying().failed(err)
	}
	return l.accept(answer)
}

// overUDP asks twice, for one datagram may be lost.
func (l dnsLook) overUDP(ctx context.Context) (*dns.Msg, error) {
	var d net.Dialer
	c, err := d.DialUDP(ctx, "udp", netip.AddrPort{}, l.at)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := bind(ctx, c)
	defer stop()
	co := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	query := l.message()
	if err := co.WriteMsg(query); err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		c.SetReadDeadline(time.Now().Add(time.Until(end) / 2))
	}
	answer, err := l.read(co, query)
	if !isTimeout(err) || ctx.Err() != nil {
		return answer, err
	}
	defer bind(ctx, c)() // the whole of the time again
	if err := co.WriteMsg(query); err != nil {
		return nil, err
	}
	return l.read(co, query)
}

func (l dnsLook) overTCP(ctx context.Context, o *failover.Observation) (*dns.Msg, error) {
	c, err := dialTCP(ctx, l.at, o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	co := &dns.Conn{Conn: c}
	query := l.message()
	if err := co.WriteMsg(query); err != nil {
		return nil, err
	}
	return l.read(co, query)
}

func (l dnsLook) message() *dns.Msg {
	m := new(dns.Msg)
	m.Id = dns.Id()
	m.RecursionDesired = true
	m.Question = []dns.Question{l.query}
	return m
}

// read waits for the answer to the query; what answers another one is ignored (RFC 5452 section 9.1).
func (l dnsLook) read(co *dns.Conn, query *dns.Msg) (*dns.Msg, error) {
	for {
		m, err := co.ReadMsg()
		switch {
		case err != nil && m == nil:
			return nil, err
		case m.Id != query.Id || !m.Response:
			continue
		case err != nil: // cut off in the middle of a record, or garbage under the right number
			if m.Truncated {
				return m, nil
			}
			return nil, fail(failover.CauseProtocol, "the DNS answer cannot be read: %s", plain(err))
		case len(m.Question) == 1 && !sameQuestion(m.Question[0], l.query):
			continue
		default:
			return m, nil
		}
	}
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}

// judge compares an answer with the wanted record; nil wants any record of the type.
func (l dnsLook) judge(m *dns.Msg, want dns.RR) error {
	what := l.query.Name + " " + dns.TypeToString[l.query.Qtype]
	switch m.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		return fail(failover.CauseNXDOMAIN, "the name server says that %s does not exist", l.query.Name)
	case dns.RcodeServerFailure:
		return fail(failover.CauseServFail, "the name server answered SERVFAIL for %s", what)
	case dns.RcodeRefused:
		return fail(failover.CauseDNSRefused, "the name server refuses to answer for %s", what)
	default:
		return fail(failover.CauseProtocol, "the name server answered %s for %s", rcode(m.Rcode), what)
	}
	var got []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != l.query.Qtype {
			continue
		}
		got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
		if want == nil || sameData(want, rr) {
			return nil
		}
	}
	if len(got) == 0 {
		return fail(failover.CauseNoData, "the name server has no record %s", what)
	}
	return fail(failover.CauseDNSAnswer, "%s is %s", what, clip(strings.Join(got, ", ")))
}

// sameData compares two records without regard to their owner, which a CNAME may have changed.
func sameData(want, got dns.RR) bool {
	want = dns.Copy(want)
	want.Header().Name = got.Header().Name
	return dns.IsDuplicate(want, got)
}

func rcode(code int) string {
	if name, found := dns.RcodeToString[code]; found {
		return name
	}
	return fmt.Sprint("RCODE ", code)
}
