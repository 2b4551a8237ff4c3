package lab

import (
	"fmt"
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

// NameServer is an authoritative server of one zone, and of a root zone of its own that delegates it.
type NameServer struct {
	*Process
	Addr string // host:port
	Zone string // canonical apex
}

// rootZone delegates the zone to the same server, so that resolvers find it as they do in life.
func rootZone(zone, addr string) string {
	return fmt.Sprintf(`$TTL 3600
. SOA a.root. admin.root. 1 1800 900 604800 60
. NS a.root.
a.root. A %[2]s
%[1]s NS ns1.%[1]s
ns1.%[1]s A %[2]s
`, zone, addr)
}

// BIND starts named with the zone's records in master file format; TSIGName may update the zone.
func (l *Lab) BIND(zone, records string) *NameServer {
	l.T.Helper()
	named := Need(l.T, "named")
	addr := l.Addr(AddrNS)
	l.alias(addr)
	dir := l.Folder("bind")
	l.Write("bind/root.zone", rootZone(zone, addr.String()))
	l.Write("bind/main.zone", records)
	conf := l.Write("bind/named.conf", fmt.Sprintf(`options {
  directory %[1]q; pid-file %[2]q; session-keyfile %[3]q; lock-file none;
  listen-on port 53 { %[4]s; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; minimal-responses no;
  allow-transfer { key %[5]q; };
};
controls { };
key %[5]q { algorithm hmac-sha256; secret %[6]q; };
zone "." { type primary; file "root.zone"; };
zone %[7]q { type primary; file "main.zone"; allow-update { key %[5]q; }; };
`, dir, dir+"/named.pid", dir+"/session.key", addr, TSIGName, TSIGSecret, zone))
	p := l.Start("named", exec.Command(named, "-g", "-c", conf))
	return l.serving(&NameServer{Process: p, Addr: l.AddrPort(AddrNS, 53), Zone: zone})
}

// Knot starts knotd with the zone's records in master file format; TSIGName may update the zone.
func (l *Lab) Knot(zone, records string) *NameServer {
	l.T.Helper()
	knotd := Need(l.T, "knotd")
	addr := l.Addr(AddrNS)
	dir := l.Folder("knot")
	l.Folder("knot/db")
	l.Write("knot/root.zone", rootZone(zone, addr.String()))
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
  - domain: .
    storage: %[1]q
    file: root.zone
  - domain: %[5]s
    storage: %[1]q
    file: main.zone
    acl: owner
`, dir, addr, TSIGName, TSIGSecret, zone))
	p := l.Start("knotd", exec.Command(knotd, "-c", conf))
	return l.serving(&NameServer{Process: p, Addr: l.AddrPort(AddrNS, 53), Zone: zone})
}

func (l *Lab) serving(ns *NameServer) *NameServer {
	l.T.Helper()
	Within(l.T, 20*time.Second, ns.Name+" serves "+ns.Zone, func() bool {
		answer, err := Query(ns.Addr, ns.Zone, dns.TypeSOA)
		return err == nil && len(answer.Answer) == 1
	})
	return ns
}

// Resolver is a caching resolver that honours TTLs, as visitors have.
type Resolver struct {
	*Process
	Addr string // host:port
}

// Unbound starts a resolver that walks down from the name server's root zone.
func (l *Lab) Unbound(ns *NameServer) *Resolver {
	l.T.Helper()
	unbound := Need(l.T, "unbound")
	dir := l.Folder("unbound")
	host, _, _ := strings.Cut(ns.Addr, ":")
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
