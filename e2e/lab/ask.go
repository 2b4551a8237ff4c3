package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Query asks one server for one name and type over UDP, with recursion desired, once.
func Query(server, name string, rrtype uint16) (*dns.Msg, error) {
	question := new(dns.Msg).SetQuestion(name, rrtype)
	question.SetEdns0(1232, false)
	client := &dns.Client{Timeout: 2 * time.Second}
	answer, _, err := client.Exchange(question, server)
	return answer, err
}

// Values returns what a server answers for a name and type, in presentation format and sorted.
func Values(server, name string, rrtype uint16) ([]string, error) {
	answer, err := Query(server, name, rrtype)
	if err != nil {
		return nil, err
	}
	values := []string{}
	for _, rr := range answer.Answer {
		if rr.Header().Rrtype == rrtype {
			values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	slices.Sort(values)
	return values, nil
}

// Dump transfers the whole zone (AXFR) and returns its records as sorted lines. The serial of the
// SOA is taken out: it may move, and nothing else.
func (ns *NameServer) Dump(t testing.TB) []string {
	t.Helper()
	transfer := &dns.Transfer{TsigSecret: map[string]string{TSIGName: TSIGSecret}}
	request := new(dns.Msg).SetAxfr(ns.Zone)
	request.SetTsig(TSIGName, dns.HmacSHA256, 300, time.Now().Unix())
	envelopes, err := transfer.In(request, ns.Addr)
	if err != nil {
		t.Fatalf("transfer %s: %v", ns.Zone, err)
	}
	var lines []string
	for e := range envelopes {
		if e.Error != nil {
			t.Fatalf("transfer %s: %v", ns.Zone, e.Error)
		}
		for _, rr := range e.RR {
			if soa, ok := rr.(*dns.SOA); ok {
				soa.Serial = 0
			}
			lines = append(lines, rr.String())
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines) // the SOA comes first and last
}

// Without returns the lines of a zone dump that belong to none of the names and types given as
// "www.example.org. A".
func Without(dump []string, sets ...string) []string {
	var rest []string
	for _, line := range dump {
		fields := strings.Fields(line)
		if len(fields) > 3 && !slices.Contains(sets, fields[0]+" "+fields[3]) {
			rest = append(rest, line)
		}
	}
	return rest
}

// DiffLines tells what two dumps differ in, "-" gone and "+" new; empty when they are the same.
func DiffLines(before, after []string) string {
	var b strings.Builder
	for _, line := range before {
		if !slices.Contains(after, line) {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			fmt.Fprintf(&b, "+ %s\n", line)
		}
	}
	return b.String()
}
