package rfc2136_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/rfc2136"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

const (
	keyName = "ddns."
	keyAlgo = "hmac-sha256."
	secret  = "c2VjcmV0IGZvciB0ZXN0cyBvbmx5IDAxMjM0NTY3ODk="
)

const zoneFile = `$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 60
@ NS ns1
ns1 A 192.0.2.53
`

const namedConf = `options { directory "%[1]s"; listen-on port %[2]s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
  pid-file none; session-keyfile "%[1]s/session.key"; lock-file none; dnssec-validation no; notify no;
  allow-transfer { key "ddns."; }; };
controls { };
key "ddns." { algorithm hmac-sha256; secret "` + secret + `"; };
key "weak." { algorithm hmac-sha256; secret "` + secret + `"; };
zone "example.org" { type primary; file "%[1]s/example.org.zone"; %[3]s };
`

const knotConf = `server:
  rundir: "%[1]s"
  listen: 127.0.0.1@%[2]s
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%[1]s/db"
key:
  - id: ddns.
    algorithm: hmac-sha256
    secret: ` + secret + `
acl:
  - id: ddns
    key: ddns.
    action: [update, transfer]
zone:
  - domain: example.org.
    storage: "%[1]s"
    file: example.org.zone
    acl: ddns
`

// peer is a real server that this test started.
type peer struct {
	addr    string
	client  wire.Client
	process *os.Process
}

func startBIND(t testing.TB) *peer {
	return startBINDWith(t, `allow-update { key "ddns."; };`)
}

func startBINDWith(t testing.TB, policy string) *peer {
	t.Helper()
	return start(t, "named", namedConf, " running\n", policy, func(conf string) []string { return []string{"-g", "-n", "1", "-c", conf} })
}

func startKnot(t testing.TB) *peer {
	t.Helper()
	return start(t, "knotd", knotConf, "loaded, serial", "", func(conf string) []string { return []string{"-c", conf} })
}

// start runs a server until the test ends, and waits until its log says that it is ready.
func start(t testing.TB, program, conf, ready, policy string, args func(conf string) []string) *peer {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("FAILOVER_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s is not installed, and FAILOVER_REQUIRE_PEERS=1 asks for it", program)
		}
		t.Skipf("%s is not installed", program)
	}
	dir, addr := t.TempDir(), freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	text := fmt.Sprintf(conf, dir, port, policy)
	if program == "knotd" {
		text = fmt.Sprintf(conf, dir, port)
	}
	file := filepath.Join(dir, "server.conf")
	for name, content := range map[string]string{file: text, filepath.Join(dir, "example.org.zone"): zoneFile} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args(file)...)
	process := run(t, cmd, ready)
	key, err := wire.NewTSIG(keyName, keyAlgo, secret)
	if err != nil {
		t.Fatal(err)
	}
	return &peer{addr: addr, client: wire.Client{Server: addr, TSIG: key}, process: process}
}

// run starts the command, waits for the word in its log, and stops it when the test ends.
func run(t testing.TB, cmd *exec.Cmd, ready string) *os.Process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	log, found, drained := &strings.Builder{}, make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(drained)
		defer close(found)
		for said, in := false, bufio.NewReader(r); ; {
			line, err := in.ReadString('\n')
			if !said {
				log.WriteString(line)
			}
			if !said && strings.Contains(line, ready) {
				said = true
				found <- true
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGCONT)
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		cmd.Wait()
		<-drained
	})
	select {
	case ok := <-found:
		if !ok {
			t.Fatalf("%s ended:\n%s", cmd.Path, log)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is not ready", cmd.Path)
	}
	return cmd.Process
}

// freeAddr returns a loopback address that is free for UDP and TCP a moment ago.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		u, err := net.ListenPacket("udp", addr)
		l.Close()
		if err == nil {
			u.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// provider opens the provider under test at the peer.
func (p *peer) provider(t testing.TB) *rfc2136.Provider {
	t.Helper()
	o, err := rfc2136.Open(rfc2136.Options{Server: p.addr, TSIGName: keyName, TSIGAlgo: keyAlgo, TSIGSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// transfer returns the whole zone by AXFR (RFC 5936), a picture of one instant.
func (p *peer) transfer() ([]dns.RR, error) {
	tr := &dns.Transfer{TsigSecret: map[string]string{keyName: secret}}
	m := new(dns.Msg).SetAxfr(zonetest.Apex)
	m.SetTsig(keyName, keyAlgo, 300, time.Now().Unix())
	envelopes, err := tr.In(m, p.addr)
	if err != nil {
		return nil, err
	}
	var all []dns.RR
	for e := range envelopes {
		err = errors.Join(err, e.Error)
		all = append(all, e.RR...)
	}
	return all, err
}

// dump is transfer as record sets.
func (p *peer) dump() ([]failover.RecordSet, error) {
	rrs, err := p.transfer()
	return wire.Sets(rrs), err
}

// update makes an UPDATE outside the provider under test.
func (p *peer) update(t testing.TB, change func(*dns.Msg)) error {
	m := new(dns.Msg).SetUpdate(zonetest.Apex)
	change(m)
	answers, err := p.client.Pipeline(t.Context(), []*dns.Msg{m})
	if err != nil {
		return err
	}
	return wire.Check(p.addr, answers[0])
}

func (p *peer) put(t testing.TB, set failover.RecordSet) error {
	code, _ := wire.Type(set.Type)
	rrs, err := wire.RRs(set)
	if err != nil {
		return err
	}
	return p.update(t, func(m *dns.Msg) {
		m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: set.Name, Rrtype: code}}})
		m.Insert(rrs)
	})
}

// reset empties the zone down to what its file had, and fills in the seed.
func (p *peer) reset(t testing.TB, seed []failover.RecordSet) {
	t.Helper()
	old, err := p.dump()
	if err != nil {
		t.Fatal(err)
	}
	rrs, err := wire.AllRRs(seed)
	if err != nil {
		t.Fatal(err)
	}
	err = p.update(t, func(m *dns.Msg) {
		for _, set := range old {
			if set.Type != "SOA" && set.Type != "NS" && set.Name != "ns1."+zonetest.Apex {
				code, _ := wire.Type(set.Type)
				m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: set.Name, Rrtype: code}}})
			}
		}
		m.Insert(rrs)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// harness runs the suite against the peer.
func (p *peer) harness(provider *rfc2136.Provider) zonetest.Harness {
	return zonetest.Harness{Open: func(t *testing.T, apex string, seed []failover.RecordSet) zonetest.Backend {
		p.reset(t, seed)
		return zonetest.Backend{Zone: provider.Zone(apex), Dump: p.dump,
			Put: func(set failover.RecordSet) error { return p.put(t, set) }}
	}}
}
