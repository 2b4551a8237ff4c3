package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
)

// nameServer: `nameserver` starts one on loopback and sets $NAMESERVER.
func nameServer(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	started := make(chan struct{})
	s := &dns.Server{PacketConn: l, Handler: dns.HandlerFunc(answerQuery), NotifyStartedFunc: func() { close(started) }}
	ended := make(chan error, 1)
	go func() { ended <- s.ActivateAndServe() }()
	<-started
	ts.Defer(func() { s.Shutdown(); <-ended })
	ts.Setenv("NAMESERVER", l.LocalAddr().String())
}

// answerQuery holds a small zone.
func answerQuery(w dns.ResponseWriter, q *dns.Msg) {
	zone := []string{
		"example.org. 300 IN A 203.0.113.10",
		"example.org. 300 IN AAAA 2001:db8:1::10",
		"www.example.org. 300 IN CNAME web.example.org.",
		"web.example.org. 300 IN A 203.0.113.10",
	}
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	name := strings.ToLower(q.Question[0].Name)
	found := false
	for range 2 { // a CNAME leads on once
		next := name
		for _, line := range zone {
			rr, err := dns.NewRR(line)
			if err != nil || rr.Header().Name != name {
				continue
			}
			found = true
			if c, ok := rr.(*dns.CNAME); ok {
				next = c.Target
				m.Answer = append(m.Answer, rr)
			} else if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if next == name {
			break
		}
		name = next
	}
	if !found {
		m.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(m)
}

type webKey struct{}

// webServer: `webserver TEXT` starts an origin on loopback and sets $ORIGIN_PORT; `webserver stop`
// stops it.
func webServer(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: webserver TEXT, or webserver stop")
	}
	origin := ts.Value(webKey{}).(*origins)
	if args[0] == "stop" {
		origin.stop()
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, args[0]) })}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	origin.stop = sync.OnceFunc(func() { s.Close(); <-ended })
	ts.Defer(func() { origin.stop() })
	ts.Setenv("ORIGIN_PORT", fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
}

// freePorts: `freeport NAME...` sets variables to ports of loopback that nobody uses.
func freePorts(ts *testscript.TestScript, neg bool, args []string) {
	taken := map[uint16]bool{}
	for _, name := range args {
		port, err := commonPort("127.0.0.1", "127.0.0.2")
		for err == nil && taken[port] {
			port, err = commonPort("127.0.0.1", "127.0.0.2")
		}
		ts.Check(err)
		taken[port] = true
		ts.Setenv(name, fmt.Sprint(port))
	}
}

// expand: `expand FROM TO` copies a file and puts variables in.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: expand FROM TO")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
}

// answers: `answers SERVER NAME VALUE` waits until the name server answers exactly this A record.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: answers SERVER NAME VALUE")
	}
	got := ""
	poll(ts, func() bool {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(args[1], dns.TypeA), args[0])
		if err != nil {
			got = err.Error()
			return false
		}
		got = fmt.Sprint(m.Answer)
		a, ok := (*dns.A)(nil), len(m.Answer) == 1
		if ok {
			a, ok = m.Answer[0].(*dns.A)
		}
		return ok && a.A.String() == args[2]
	}, func() string { return "the name server answers " + got })
}

// origins is what a script's web server is stopped by.
type origins struct{ stop func() }

// fetch: `fetch FILE` gets the first URL in the file and shows the body as standard output.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	url := regexp.MustCompile(`http://\S+`).FindString(ts.ReadFile(args[0]))
	answer, err := http.Get(url)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", body)
}

// page: `page URL HOST STATUS` asks for the host at the URL and wants the status and an HTML page.
func page(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: page URL HOST STATUS")
	}
	request, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	request.Host = args[1]
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	if got := fmt.Sprint(answer.StatusCode); got != args[2] || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		ts.Fatalf("status %s with %q, want %s with text/html", got, answer.Header.Get("Content-Type"), args[2])
	}
}
