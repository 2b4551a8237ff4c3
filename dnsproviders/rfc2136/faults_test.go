package rfc2136_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/rfc2136"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

const www = "www." + zonetest.Apex

var (
	before = zonetest.Set(www, "A", 600, "192.0.2.1")
	after  = zonetest.Set(www, "A", 60, "198.51.100.7")
)

func planOf(before, after failover.RecordSet) failover.Plan {
	return failover.Plan{Site: "www", ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{before.Name},
		Before: []failover.RecordSet{before}, After: []failover.RecordSet{after}}
}

func rcode(code int) func(*fake, *dns.Msg) *dns.Msg {
	return func(_ *fake, q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, code) }
}

func tsigError(code uint16) func(*fake, *dns.Msg) *dns.Msg {
	return func(_ *fake, q *dns.Msg) *dns.Msg {
		m := new(dns.Msg).SetRcode(q, dns.RcodeNotAuth)
		m.SetTsig(keyName, keyAlgo, 300, time.Now().Unix())
		m.IsTsig().Error = code
		return m
	}
}

// TestFaultsOfAnUpdate: each trouble has its kind, no UPDATE is ever sent twice, and what the zone
// holds afterwards is as the kind says.
func TestFaultsOfAnUpdate(t *testing.T) {
	for _, c := range []struct {
		name   string
		update func(*fake, *dns.Msg) *dns.Msg
		kind   failover.ErrorKind // "" is success
		hint   string
		holds  failover.RecordSet
	}{
		{"well", (*fake).apply, "", "", after},
		{"answer lost after it was applied", func(f *fake, q *dns.Msg) *dns.Msg { f.apply(q); return nil }, failover.KindLost, "", after},
		{"connection lost before it was applied", func(*fake, *dns.Msg) *dns.Msg { return nil }, failover.KindLost, "", before},
		{"the answer is signed with another key", func(f *fake, q *dns.Msg) *dns.Msg {
			m := f.apply(q)
			m.SetTsig("other.", keyAlgo, 300, time.Now().Unix())
			return m
		}, failover.KindLost, "", after},
		{"says yes and does nothing", rcode(dns.RcodeSuccess), failover.KindLost, "", before},
		{"SERVFAIL", rcode(dns.RcodeServerFailure), failover.KindUnavailable, "log", before},
		{"REFUSED", rcode(dns.RcodeRefused), failover.KindUnauthorized, "allow the key", before},
		{"NOTAUTH", rcode(dns.RcodeNotAuth), failover.KindUnauthorized, "primary", before},
		{"BADTIME", tsigError(dns.RcodeBadTime), failover.KindUnauthorized, "clock", before},
		{"BADSIG", tsigError(dns.RcodeBadSig), failover.KindUnauthorized, "secret", before},
		{"NOTZONE", rcode(dns.RcodeNotZone), failover.KindRejected, "", before},
		{"NOTIMP", rcode(dns.RcodeNotImplemented), failover.KindRejected, "", before},
		{"NXRRSET", rcode(dns.RcodeNXRrset), failover.KindDrift, "", before},
		{"YXRRSET", rcode(dns.RcodeYXRrset), failover.KindDrift, "", before},
		{"somebody did our work in the meantime", func(f *fake, q *dns.Msg) *dns.Msg {
			f.apply(q)
			return new(dns.Msg).SetRcode(q, dns.RcodeNXRrset)
		}, "", "", after},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := startFake(t, before)
			f.onUpdate = c.update
			err := f.zone(t).Replace(t.Context(), planOf(before, after))
			var ze *failover.ZoneError
			if failover.KindOf(err) != c.kind || err != nil && (!errors.As(err, &ze) || !strings.Contains(ze.Hint, c.hint) || ze.Op != "replace") {
				t.Errorf("error %v (kind %q), want kind %q and hint %q", err, failover.KindOf(err), c.kind, c.hint)
			}
			if errors.Is(err, failover.ErrDrift) != (c.kind == failover.KindDrift) {
				t.Errorf("drift: %v", err)
			}
			if n := f.sent(); n != 1 {
				t.Errorf("%d updates were sent", n)
			}
			if got := f.sets(); !failover.SameSets(got, []failover.RecordSet{c.holds}) {
				t.Errorf("the zone holds %v", got)
			}
			if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
				t.Error("the secret prints")
			}
		})
	}
}

// TestFaultsOfReading: no UPDATE follows a reading that is not sure.
func TestFaultsOfReading(t *testing.T) {
	for _, c := range []struct {
		name  string
		query func(*dns.Msg) *dns.Msg
		kind  failover.ErrorKind
		text  string
	}{
		{"silence and a closed connection", func(*dns.Msg) *dns.Msg { return nil }, failover.KindUnavailable, "ask"},
		{"SERVFAIL", func(m *dns.Msg) *dns.Msg { m.Rcode = dns.RcodeServerFailure; return m }, failover.KindUnavailable, "SERVFAIL"},
		{"REFUSED", func(m *dns.Msg) *dns.Msg { m.Rcode = dns.RcodeRefused; return m }, failover.KindUnauthorized, "REFUSED"},
		{"not authoritative", func(m *dns.Msg) *dns.Msg { m.Authoritative = false; return m }, failover.KindRejected, "primary"},
		{"truncated over TCP", func(m *dns.Msg) *dns.Msg { m.Truncated = true; return m }, failover.KindRejected, "truncates"},
		{"one type fails", func(m *dns.Msg) *dns.Msg {
			if m.Question[0].Qtype == dns.TypeSVCB {
				m.Rcode = dns.RcodeServerFailure
			}
			return m
		}, failover.KindUnavailable, "SERVFAIL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := startFake(t, before)
			f.onQuery, f.onUpdate = c.query, (*fake).apply
			_, readErr := f.zone(t).Read(t.Context(), []string{www})
			replaceErr := f.zone(t).Replace(t.Context(), planOf(before, after))
			for _, err := range []error{readErr, replaceErr} {
				if failover.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
					t.Errorf("error %v (kind %q), want %q with %q", err, failover.KindOf(err), c.kind, c.text)
				}
			}
			if n := f.sent(); n != 0 {
				t.Errorf("%d updates were sent", n)
			}
		})
	}
}

func TestReadBackThatFailsIsLost(t *testing.T) {
	f := startFake(t, before)
	f.onUpdate = (*fake).apply
	f.onQuery = func(m *dns.Msg) *dns.Msg {
		if f.updates > 0 {
			return nil
		}
		return m
	}
	if err := f.zone(t).Replace(t.Context(), planOf(before, after)); failover.KindOf(err) != failover.KindLost {
		t.Errorf("error %v", err)
	}
}

// TestAReadingIsOfOneVersion: half of one version and half of the next is neither drift nor a baseline.
func TestAReadingIsOfOneVersion(t *testing.T) {
	v6 := zonetest.Set(www, "AAAA", 600, "2001:db8::1")
	f := startFake(t, before, v6)
	asked := 0
	f.onQuery = func(m *dns.Msg) *dns.Msg {
		if asked++; asked == 3 { // serial, A, and now AAAA
			f.records, f.serial = nil, f.serial+1
			m.Answer = nil
		}
		return m
	}
	sets, err := f.zone(t).Read(t.Context(), []string{www})
	if err != nil || len(sets) != 0 {
		t.Errorf("read %v %v", sets, err)
	}
	busy := startFake(t, before)
	busy.onQuery = func(m *dns.Msg) *dns.Msg { busy.serial++; return m } // others update the zone all the time
	if sets, err := busy.zone(t).Read(t.Context(), []string{www}); err != nil || !failover.SameSets(sets, []failover.RecordSet{before}) {
		t.Errorf("read %v %v", sets, err)
	}
	mad := startFake(t, before)
	mad.onQuery = func(m *dns.Msg) *dns.Msg {
		mad.serial++
		mad.records[0].Header().Ttl++
		return m
	}
	if sets, err := mad.zone(t).Read(t.Context(), []string{www}); failover.KindOf(err) != failover.KindUnavailable {
		t.Errorf("read %v %v", sets, err)
	}
}

func TestUnsafePlansAreRefusedUnsent(t *testing.T) {
	f := startFake(t, before)
	for name, p := range map[string]failover.Plan{
		"another zone": {ZoneRef: failover.ZoneRef{Zone: "example.net."}, Names: []string{www}, After: []failover.RecordSet{after}},
		"empty":        {ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{www}, Before: []failover.RecordSet{before}},
		"bad value":    planOf(before, zonetest.Set(www, "A", 60, "not an address")),
	} {
		if err := f.zone(t).Replace(t.Context(), p); failover.KindOf(err) != failover.KindRejected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := f.sent(); n != 0 {
		t.Errorf("%d updates were sent", n)
	}
}

func TestADNAMEAboveIsNotARecordAtTheName(t *testing.T) {
	f := startFake(t)
	f.onQuery = func(m *dns.Msg) *dns.Msg {
		if m.Question[0].Name != www {
			return m
		}
		m.Rcode = dns.RcodeSuccess
		dname, _ := dns.NewRR("example.org. 60 IN DNAME example.net.")
		cname, _ := dns.NewRR("www.example.org. 60 IN CNAME www.example.net.")
		m.Answer = []dns.RR{dname, cname}
		return m
	}
	f.onUpdate = rcode(dns.RcodeNameError) // the name is not in use
	if sets, err := f.zone(t).Read(t.Context(), []string{www}); err != nil || len(sets) > 0 {
		t.Errorf("%v %v", sets, err)
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    rfc2136.Options
		want string
	}{
		{rfc2136.Options{Server: "192.0.2.53:53", TSIGName: keyName, TSIGAlgo: keyAlgo, TSIGSecret: secret}, ""},
		{rfc2136.Options{Server: "192.0.2.53:53"}, ""},
		{rfc2136.Options{Server: "192.0.2.53"}, "try:"},
		{rfc2136.Options{Server: "192.0.2.53:53", TSIGName: keyName, TSIGAlgo: "hmac-md5", TSIGSecret: secret}, "algorithm"},
		{rfc2136.Options{Server: "192.0.2.53:53", TSIGName: keyName, TSIGAlgo: keyAlgo, TSIGSecret: "not base64: canary"}, "base64"},
		{rfc2136.Options{Server: "192.0.2.53:53", TSIGSecret: secret, TSIGAlgo: keyAlgo}, "name"},
	} {
		p, err := rfc2136.Open(c.o)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", p, p, p), secret) {
			t.Error("the secret prints")
		}
	}
}
