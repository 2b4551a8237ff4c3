package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

const serveArgument = "serve-for-benchmarks"

// serveForBenchmarks serves HTTP, HTTPS and silence until its standard input closes. It prints the
// three addresses and the root certificate.
func serveForBenchmarks() {
	t := new(testing.B)
	ca := newAuthority(t)
	cert := ca.leaf(t, time.Now().Add(90*24*time.Hour), "*.example.org")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "all is well\n") })
	for _, config := range []*tls.Config{nil, {Certificates: []tls.Certificate{cert}}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(l.Addr())
		if config != nil {
			l = tls.NewListener(l, config)
		}
		server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
		go server.Serve(l)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(silent.Addr())
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c)
		}
	}()
	pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
	os.Stdout.Close()
	io.Copy(io.Discard, os.Stdin)
}

// peer is the server process, as seen from the benchmark.
type peer struct {
	http, https, silent netip.AddrPort

	roots *x509.CertPool
}

func startPeer(b *testing.B) peer {
	b.Helper()
	cmd := exec.Command(os.Args[0], serveArgument)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	r := bufio.NewReader(out)
	p := peer{roots: x509.NewCertPool()}
	for _, at := range []*netip.AddrPort{&p.http, &p.https, &p.silent} {
		line, _ := r.ReadString('\n')
		if *at, err = netip.ParseAddrPort(strings.TrimSpace(line)); err != nil {
			b.Fatal(err)
		}
	}
	root, err := io.ReadAll(r)
	if err != nil || !p.roots.AppendCertsFromPEM(root) {
		b.Fatal("no root certificate", err)
	}
	return p
}

// cpu is the time this process spent on its CPUs, in user and system mode.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure repeats a look and reports the CPU it takes on our side.
func measure(b *testing.B, look func() error) {
	if err := look(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if err := look(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/look")
}

func BenchmarkLook(b *testing.B) {
	p := startPeer(b)
	for _, c := range []struct {
		kind string
		at   netip.AddrPort
	}{{failover.CheckHTTP, p.http}, {failover.CheckHTTPS, p.https}, {failover.CheckTLS, p.https}, {failover.CheckTCP, p.http}} {
		look, err := New("www", failover.Check{Kind: c.kind, Host: "www.example.org", Port: c.at.Port(), Timeout: 5 * time.Second},
			c.at.Addr(), Options{Roots: p.roots})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.kind, func(b *testing.B) {
			measure(b, func() error {
				if o := look(context.Background()); o.Health != failover.Up {
					return fmt.Errorf("%s: %s", o.Cause, o.Detail)
				}
				return nil
			})
		})
	}
}

// BenchmarkNetHTTP is the same with the standard library's client, for comparison.
func BenchmarkNetHTTP(b *testing.B) {
	p := startPeer(b)
	for _, c := range []struct {
		kind string
		at   netip.AddrPort
	}{{failover.CheckHTTP, p.http}, {failover.CheckHTTPS, p.https}} {
		client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: p.roots},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, c.at.String())
			},
		}}
		url := fmt.Sprintf("%s://www.example.org:%d/", c.kind, c.at.Port())
		b.Run(c.kind, func(b *testing.B) {
			measure(b, func() error {
				resp, err := client.Get(url)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			})
		})
	}
}

// BenchmarkSites checks 5,000 sites over HTTPS every 10 s for three rounds and prints the memory
// and CPU that takes. One iteration is the whole run.
func BenchmarkSites(b *testing.B) {
	p := startPeer(b)
	checkSites(b, p, p.https)
}

// BenchmarkSitesHung is the worst day: all 5,000 origins take the connection and say nothing.
func BenchmarkSitesHung(b *testing.B) {
	p := startPeer(b)
	checkSites(b, p, p.silent)
}

func checkSites(b *testing.B, p peer, at netip.AddrPort) {
	const sites = 5000
	for b.Loop() {
		var failed atomic.Int64
		var example atomic.Value // of a failed look
		s := NewScheduler(SchedulerOptions{Report: func(o failover.Observation) {
			if o.Health != failover.Up {
				failed.Add(1)
				example.Store(fmt.Sprintf("%s %s: %s, %+v", o.Health, o.Cause, o.Detail, o.Timings))
			}
		}})
		s.Set(manySites(b, p, at, sites))
		before, start := cpu(), time.Now()
		ctx, cancel := context.WithCancel(context.Background()) // not a deadline: looks would take it for theirs
		time.AfterFunc(30*time.Second, cancel)
		s.Run(ctx)
		st, spent := s.Stats(), cpu()-before
		b.Logf("a failed look: %v", example.Load())
		b.ReportMetric(float64(st.Looks), "looks")
		b.ReportMetric(float64(failed.Load()), "failed")
		b.ReportMetric(residentMB(b), "peak-RSS-MB")
		b.ReportMetric(float64(spent.Microseconds())/float64(st.Looks), "cpu-µs/look")
		b.ReportMetric(100*spent.Seconds()/time.Since(start).Seconds(), "cpu-%")
		b.ReportMetric(float64((st.LateSum / time.Duration(st.Looks)).Microseconds()), "late-µs/look")
	}
}

func manySites(b *testing.B, p peer, at netip.AddrPort, n int) []Job {
	jobs := make([]Job, n)
	for i := range jobs {
		site := fmt.Sprintf("site%d", i)
		check := failover.Check{Name: "front", Kind: failover.CheckHTTPS, Host: site + ".example.org", Port: at.Port(),
			Path: "/", Timeout: 5 * time.Second, ExpiryWarning: 24 * time.Hour}
		look, err := New(site, check, at.Addr(), Options{Roots: p.roots})
		if err != nil {
			b.Fatal(err)
		}
		jobs[i] = Job{Key: site, Site: site, Interval: 10 * time.Second, Recheck: time.Second, Timeout: check.Timeout, Look: look}
	}
	return jobs
}

// residentMB is the most memory this process ever had, in MB (VmHWM of proc(5)).
func residentMB(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc: ", err)
	}
	var kB float64
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmHWM: %f kB", &kB)
	}
	return kB / 1000
}
