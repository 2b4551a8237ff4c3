package lab

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// The key that may change the zone and transfer it.
const (
	TSIGName   = "ddns."
	TSIGSecret = "ZGRucy10c2lnLXNlY3JldC1mb3ItdGVzdHMtMDEyMzQ1Njc="
)

// NameServer is an authoritative server of one zone.
type NameServer struct {
	Addr string // host:port
	Zone string // canonical apex
	Root string // host:port of a server of the root zone, which delegates Zone to Addr
}

// BIND starts named with the zone's records in master file format; TSIGName may update the zone.
func (l *Lab) BIND(zone, records string) *NameServer {
	l.T.Helper()
	named := Need(l.T, "named")
	addr := l.Addr(AddrNS)
	l.alias(addr)
	six := "none"
	if l.both {
		six = l.Addr6(AddrNS).String()
	}
	dir := l.Folder("bind")
	l.Write("bind/main.zone", records)
	conf := l.Write("bind/named.conf", fmt.Sprintf(`options {
  directory %[1]q; pid-file %[2]q; session-keyfile %[3]q; lock-file none;
  listen-on port 53 { %[4]s; }; listen-on-v6 { %[8]s; };
  recursion no; dnssec-validation no; notify no; minimal-responses no;
  allow-transfer { key %[5]q; };
};
controls { };
key %[5]q { algorithm hmac-sha256; secret %[6]q; };
zone %[7]q { type primary; file "main.zone"; allow-update { key %[5]q; }; };
`, dir, dir+"/named.pid", dir+"/session.key", addr, TSIGName, TSIGSecret, zone, six))
	l.Start("named", exec.Command(named, "-g", "-c", conf))
	return l.Delegate(zone)
}

// Knot starts knotd with the zone's records in master file format; TSIGName may update the zone.
func (l *Lab) Knot(zone, records string) *NameServer {
	l.T.Helper()
	knotd := Need(l.T, "knotd")
	addr := l.Addr(AddrNS)
	dir := l.Folder("knot")
	l.Folder("knot/db")
	l.Write("knot/main.zone", records)
	conf := l.Write("knot/knot.conf", fmt.Sprintf(`server:
  rundir: %[1]q
  listen: %[2]s@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%[1]s/db"
key:
  - id: %[3]s
    algorithm: hmac-sha256
    secret: %[4]s
acl:
  - id: owner
    key: %[3]s
    action: [update, transfer]
zone:
  - domain: %[5]s
    storage: %[1]q
    file: main.zone
    acl: owner
`, dir, addr, TSIGName, TSIGSecret, zone))
	l.Start("knotd", exec.Command(knotd, "-c", conf))
	return l.Delegate(zone)
}

// Delegate waits until the lab's name server serves the zone, and starts a root server that leads to it.
func (l *Lab) Delegate(zone string) *NameServer {
	l.T.Helper()
	ns := &NameServer{Addr: l.AddrPort(AddrNS, 53), Zone: zone, Root: l.AddrPort(AddrRoot, 53)}
	Within(l.T, 20*time.Second, "the name server serves "+zone, func() bool {
		answer, err := Query(ns.Addr, zone, dns.TypeSOA)
		return err == nil && len(answer.Answer) == 1
	})
	l.root(ns)
	return ns
}

// root serves a root zone that holds nothing but a delegation to the name server.
func (l *Lab) root(ns *NameServer) {
	l.T.Helper()
	packets, err := net.ListenPacket("udp", ns.Root)
	if err != nil {
		l.T.Fatal(err)
	}
	record := func(format string, args ...any) dns.RR {
		rr, err := dns.NewRR(fmt.Sprintf(format, args...))
		if err != nil {
			l.T.Fatal(err)
		}
		return rr
	}
	apex := []dns.RR{record(". 3600 NS a.root."), record(". 3600 SOA a.root. admin.root. 1 1800 900 604800 60")}
	delegation := record("%s 3600 NS ns1.%s", ns.Zone, ns.Zone)
	glue := record("ns1.%s 3600 A %s", ns.Zone, l.Addr(AddrNS))
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		switch name := q.Question[0].Name; {
		case dns.IsSubDomain(ns.Zone, dns.CanonicalName(name)):
			m.Ns, m.Extra = []dns.RR{delegation}, []dns.RR{glue}
		case name == "." && q.Question[0].Qtype == dns.TypeNS:
			m.Authoritative, m.Answer = true, apex[:1]
		default: // above the delegation there are only empty names
			m.Authoritative, m.Ns = true, apex[1:]
		}
		_ = w.WriteMsg(m) // who does not wait asks again
	})
	server := &dns.Server{PacketConn: packets, Handler: handler}
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

// Resolver is a caching resolver that honours TTLs, as visitors have.
type Resolver struct {
	*Process
	Addr string // host:port
}

// Unbound starts a resolver that walks down from the root zone.
func (l *Lab) Unbound(ns *NameServer) *Resolver {
	l.T.Helper()
	unbound := Need(l.T, "unbound")
	dir := l.Folder("unbound")
	host, _, _ := strings.Cut(ns.Root, ":")
	hints := l.Write("unbound/root.hints", fmt.Sprintf(". 3600000 NS a.root.\na.root. 3600000 A %s\n", host))
	conf := l.Write("unbound/unbound.conf", fmt.Sprintf(`server:
  directory: %[1]q
  username: ""
  chroot: ""
  pidfile: "%[1]s/unbound.pid"
  use-syslog: no
  logfile: ""
  interface: %[2]s
  port: 53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  num-threads: 1
  do-not-query-localhost: no
  root-hints: %[3]q
  module-config: "iterator"
  qname-minimisation: no
  prefetch: no
  serve-expired: no
remote-control:
  control-enable: no
`, dir, l.Addr(AddrResolver), hints))
	p := l.Start("unbound", exec.Command(unbound, "-d", "-c", conf))
	r := &Resolver{Process: p, Addr: l.AddrPort(AddrResolver, 53)}
	Within(l.T, 20*time.Second, "unbound resolves "+ns.Zone, func() bool {
		answer, err := Query(r.Addr, ns.Zone, dns.TypeSOA)
		return err == nil && len(answer.Answer) == 1
	})
	return r
}
