package lab

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// configEnv carries a role's settings as JSON.
const configEnv = "FAILOVER_LAB_CONFIG"

// ACME is a certificate authority that speaks RFC 8555: Pebble, which validates DNS-01 for real.
type ACME struct {
	*Process
	Directory string            // URL
	Root      *x509.Certificate // of the certificates it issues
	RootFile  string            // PEM of Root
}

type pebbleConfig struct {
	Listen, Manage, CertFile, KeyFile, Resolver string
	Validity                                    time.Duration // of the certificates it issues
}

// Pebble starts an ACME server that validates through the resolver. Its own door has a
// certificate of the authority.
func (l *Lab) Pebble(authority *Authority, resolver *Resolver) *ACME {
	l.T.Helper()
	addr := l.Addr(AddrCA).String()
	certFile, keyFile := authority.Issue(addr)
	config := pebbleConfig{
		Listen: l.AddrPort(AddrCA, 443), Manage: l.AddrPort(AddrCA, 15000), CertFile: certFile, KeyFile: keyFile,
		Resolver: resolver.Addr, Validity: 90 * 24 * time.Hour,
	}
	p := l.Start("pebble", self("pebble", configEnv+"="+asJSON(config),
		"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5", "PEBBLE_AUTHZREUSE=0"))
	a := &ACME{Process: p, Directory: "https://" + addr + wfe.DirectoryPath}
	text := l.fetch(authority, "https://"+config.Manage+wfe.RootCertPath+"0")
	block, _ := pem.Decode(text)
	if block == nil {
		l.T.Fatalf("pebble's root is not PEM: %q", text)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		l.T.Fatal(err)
	}
	a.Root, a.RootFile = root, l.Write("pebble/root.pem", string(text))
	return a
}

// fetch gets a URL of a server that has just been started.
func (l *Lab) fetch(authority *Authority, url string) []byte {
	l.T.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.Pool(authority.File)}}}
	defer client.CloseIdleConnections()
	var body []byte
	Within(l.T, 20*time.Second, url+" answers", func() bool {
		response, err := client.Get(url)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err = io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusOK
	})
	return body
}

// Pool returns the roots in PEM files.
func (l *Lab) Pool(files ...string) *x509.CertPool {
	l.T.Helper()
	pool := x509.NewCertPool()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			l.T.Fatal(err)
		}
		if !pool.AppendCertsFromPEM(text) {
			l.T.Fatalf("%s holds no certificate", file)
		}
	}
	return pool
}

// servePebble is the process that Pebble starts.
func servePebble() error {
	var c pebbleConfig
	if err := json.Unmarshal([]byte(os.Getenv(configEnv)), &c); err != nil {
		return err
	}
	logger := log.New(os.Stdout, "", log.LstdFlags)
	store := db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {Description: "the only one", ValidityPeriod: uint64(c.Validity.Seconds())}}
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	validator := va.New(logger, 80, 443, false, c.Resolver, store)
	door := wfe.New(logger, store, validator, issuer, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	ended := make(chan error, 2)
	go func() { ended <- http.ListenAndServeTLS(c.Manage, c.CertFile, c.KeyFile, door.ManagementHandler()) }()
	go func() { ended <- http.ListenAndServeTLS(c.Listen, c.CertFile, c.KeyFile, door.Handler()) }()
	return <-ended
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("settings that cannot be encoded: %v", err)) // structs of strings and numbers always can
	}
	return string(text)
}
