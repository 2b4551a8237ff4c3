package lab

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// OriginText is what an origin answers.
const OriginText = "all is well at the origin"

// Origin is the web server that is protected, a process of its own that can be killed.
type Origin struct {
	*Process
	lab    *Lab
	config originConfig
	n      int
}

type originConfig struct {
	Listen            []string
	CertFile, KeyFile string
}

// Origin starts a web server on port 443 of the addresses, with a certificate for the hosts.
func (l *Lab) Origin(authority *Authority, hosts []string, addrs ...byte) *Origin {
	l.T.Helper()
	o := &Origin{lab: l}
	o.config.CertFile, o.config.KeyFile = authority.Issue(hosts...)
	for _, a := range addrs {
		o.config.Listen = append(o.config.Listen, l.AddrPort(a, 443))
	}
	o.Restart()
	return o
}

// Restart starts the origin again after it was killed.
func (o *Origin) Restart() {
	o.lab.T.Helper()
	o.n++
	o.Process = o.lab.Start(fmt.Sprintf("origin-%d", o.n), self("origin", configEnv+"="+asJSON(o.config)))
	Within(o.lab.T, 20*time.Second, "the origin listens", func() bool {
		conn, err := net.DialTimeout("tcp", o.config.Listen[0], time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// serveOrigin is the process that Origin starts.
func serveOrigin() error {
	var c originConfig
	if err := json.Unmarshal([]byte(os.Getenv(configEnv)), &c); err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, OriginText) })
	ended := make(chan error, len(c.Listen))
	for _, addr := range c.Listen {
		server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 10 * time.Second,
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
		go func() { ended <- server.ListenAndServeTLS("", "") }()
	}
	return <-ended
}

// Reference is a place that is always up, until Close.
type Reference struct {
	Addr     string // host:port
	listener net.Listener
}

// Reference starts a TCP server that accepts.
func (l *Lab) Reference() *Reference {
	l.T.Helper()
	r := &Reference{Addr: l.AddrPort(AddrReference, 443)}
	r.Open(l)
	l.T.Cleanup(r.Close)
	return r
}

// Open makes the reference reachable again.
func (r *Reference) Open(l *Lab) {
	l.T.Helper()
	listener, err := net.Listen("tcp", r.Addr)
	if err != nil {
		l.T.Fatal(err)
	}
	r.listener = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			conn.Close()
		}
	}()
}

// Close makes the reference unreachable: connections are refused.
func (r *Reference) Close() { r.listener.Close() }
