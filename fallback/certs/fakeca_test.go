package certs

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"
)

// fakeCA speaks enough ACME (RFC 8555) to issue by DNS-01. It believes signatures unseen.
type fakeCA struct {
	*httptest.Server
	t    *testing.T
	ca   *authority
	zone *zone

	mu       sync.Mutex
	accounts map[string]bool // by public key
	bound    bool            // an external account binding was seen
	contacts []string
	replaces []string // of every order
	limited  string   // Retry-After of every order, if set
	strict   bool     // refuses orders that replace something
	name     string   // of the newest order
	valid    bool     // its authorization
	chain    []byte   // its certificate
}

func newFakeCA(t *testing.T, z *zone) *fakeCA {
	f := &fakeCA{t: t, ca: newAuthority(t), zone: z, accounts: map[string]bool{}}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeCA) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(f.Certificate())
	return pool
}

func (f *fakeCA) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	w.Header().Set("Content-Type", "application/json")
	var jws struct{ Protected, Payload string }
	json.NewDecoder(r.Body).Decode(&jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	switch r.URL.Path {
	case "/dir":
		f.answer(w, 200, map[string]any{"newNonce": f.URL + "/nonce", "newAccount": f.URL + "/account", "newOrder": f.URL + "/order", "renewalInfo": f.URL + "/ari"})
	case "/nonce":
	case "/account":
		f.account(w, jws.Protected, payload)
	case "/order":
		f.order(w, payload)
	case "/authz":
		f.answer(w, 200, map[string]any{"status": map[bool]string{true: "valid", false: "pending"}[f.valid],
			"identifier": map[string]string{"type": "dns", "value": strings.TrimPrefix(f.name, "*.")}, "challenges": []any{f.challenge(), map[string]string{"type": "http-01", "url": f.URL + "/no", "token": "t"}}})
	case "/challenge":
		f.valid = f.zone.has("_acme-challenge." + strings.TrimPrefix(f.name, "*.") + ".")
		f.answer(w, 200, f.challenge())
	case "/finalize":
		var in struct{ CSR string }
		json.Unmarshal(payload, &in)
		der, _ := base64.RawURLEncoding.DecodeString(in.CSR)
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil || !f.valid || len(csr.DNSNames) != 1 || csr.DNSNames[0] != f.name {
			f.problem(w, 403, "unauthorized")
			return
		}
		f.chain, _ = f.ca.chain(csr.PublicKey, f.name, 90*24*time.Hour)
		f.answer(w, 200, f.orderObject("valid"))
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(f.chain)
	default: // renewal information, which acmez asks for after each download (RFC 9773)
		f.answer(w, 200, map[string]any{"suggestedWindow": map[string]time.Time{"start": time.Now().Add(time.Hour), "end": time.Now().Add(2 * time.Hour)}})
	}
}

func (f *fakeCA) account(w http.ResponseWriter, protected string, payload []byte) {
	var head struct{ JWK json.RawMessage }
	text, _ := base64.RawURLEncoding.DecodeString(protected)
	json.Unmarshal(text, &head)
	var in struct {
		OnlyReturnExisting     bool
		TermsOfServiceAgreed   bool
		Contact                []string
		ExternalAccountBinding json.RawMessage
	}
	json.Unmarshal(payload, &in)
	known := f.accounts[string(head.JWK)]
	switch {
	case in.OnlyReturnExisting && !known:
		f.problem(w, 400, "accountDoesNotExist")
		return
	case !known && !in.TermsOfServiceAgreed:
		f.problem(w, 403, "userActionRequired")
		return
	}
	f.accounts[string(head.JWK)] = true
	f.bound = f.bound || in.ExternalAccountBinding != nil
	f.contacts = in.Contact
	w.Header().Set("Location", f.URL+"/account/1")
	f.answer(w, 201, map[string]any{"status": "valid"})
}

func (f *fakeCA) order(w http.ResponseWriter, payload []byte) {
	var in struct {
		Identifiers []struct{ Value string }
		Replaces    string
	}
	json.Unmarshal(payload, &in)
	f.replaces = append(f.replaces, in.Replaces)
	switch {
	case f.limited != "":
		w.Header().Set("Retry-After", f.limited)
		f.problem(w, 429, "rateLimited")
		return
	case f.strict && in.Replaces != "":
		f.problem(w, 400, "malformed")
		return
	case len(f.accounts) == 0:
		f.problem(w, 400, "accountDoesNotExist")
		return
	}
	f.name, f.valid = in.Identifiers[0].Value, false
	w.Header().Set("Location", f.URL+"/order/1")
	f.answer(w, 201, f.orderObject("pending"))
}

func (f *fakeCA) orderObject(status string) map[string]any {
	return map[string]any{"status": status, "identifiers": []any{map[string]string{"type": "dns", "value": f.name}},
		"authorizations": []string{f.URL + "/authz"}, "finalize": f.URL + "/finalize", "certificate": f.URL + "/certificate"}
}

func (f *fakeCA) challenge() map[string]string {
	return map[string]string{"type": "dns-01", "url": f.URL + "/challenge", "token": "token", "status": "pending"}
}

func (f *fakeCA) answer(w http.ResponseWriter, code int, body any) {
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}

func (f *fakeCA) problem(w http.ResponseWriter, code int, kind string) {
	w.Header().Set("Content-Type", "application/problem+json")
	f.answer(w, code, map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": "as the test wants", "status": code})
}

// zone is a DNS server for example.org and the provider that writes to it.
type zone struct {
	addr string

	mu   sync.Mutex
	txt  map[string][]string
	fail error
}

func newZone(t *testing.T) *zone {
	t.Helper()
	z := &zone{txt: map[string][]string{}}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.addr = udp.LocalAddr().String()
	server := &dns.Server{PacketConn: udp, Handler: z}
	done := make(chan struct{})
	ready := make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	go func() { defer close(done); server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { server.Shutdown(); <-done })
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	header := dns.RR_Header{Name: name, Rrtype: q.Question[0].Qtype, Class: dns.ClassINET, Ttl: 1}
	switch {
	case header.Rrtype == dns.TypeSOA && name == "example.org.":
		m.Answer = append(m.Answer, &dns.SOA{Hdr: header, Ns: "ns.example.org.", Mbox: "host.example.org.", Refresh: 3600})
	case header.Rrtype == dns.TypeTXT:
		for _, text := range z.txt[name] {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	w.WriteMsg(m)
}

func (z *zone) AppendRecords(_ context.Context, apex string, records []libdns.Record) ([]libdns.Record, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.fail != nil {
		return nil, z.fail
	}
	for _, r := range records {
		name := libdns.AbsoluteName(r.RR().Name, apex)
		z.txt[name] = append(z.txt[name], r.RR().Data)
	}
	return records, nil
}

func (z *zone) DeleteRecords(_ context.Context, apex string, records []libdns.Record) ([]libdns.Record, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, r := range records {
		delete(z.txt, libdns.AbsoluteName(r.RR().Name, apex))
	}
	return records, nil
}

func (z *zone) has(name string) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.txt[name]) > 0
}
