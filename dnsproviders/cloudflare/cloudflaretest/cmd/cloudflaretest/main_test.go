package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	f := flags{listen: "127.0.0.1:0", dns: "127.0.0.1:0", ca: filepath.Join(dir, "ca.pem"), zone: filepath.Join(dir, "zone.json"),
		token: "one,two", nameservers: "ns1.example.org", glue: "127.0.0.1", anycast: "127.0.0.82"}
	zone := `{"zone": "example.org", "records": [{"name": "www", "type": "A", "content": "192.0.2.1", "ttl": 60}]}`
	if err := os.WriteFile(f.zone, []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, f, write) }()
	lines := bufio.NewScanner(read)
	said := map[string]string{}
	for len(said) < 2 && lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		said[word] = rest
	}
	get(t, f.ca, said["api"]+"/zones", "two")
	if !strings.HasPrefix(said["dns"], "127.0.0.1:") {
		t.Errorf("it said %v", said)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// get asks for the zones as a client that knows the CA and a token.
func get(t *testing.T, ca, url, token string) {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `"name":"example.org"`) {
		t.Errorf("zones: %s, %v", body, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, f := range map[string]flags{
		"no zone file":    {zone: "missing.json"},
		"no certificate":  {cert: "missing.pem"},
		"no such address": {listen: "nowhere"},
		"bad anycast":     {listen: "127.0.0.1:0", dns: "127.0.0.1:0", anycast: "x"},
	} {
		if err := run(t.Context(), f, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
