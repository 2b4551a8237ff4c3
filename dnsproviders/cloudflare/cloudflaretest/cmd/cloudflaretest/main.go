// Command cloudflaretest plays Cloudflare's DNS API, and on request the nameservers of its zones,
// for tests that drive another program. It listens on loopback addresses, keeps all in memory, and
// ends on SIGINT or SIGTERM. Faults are set under /_test/ (see cloudflaretest.API.Control).
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
)

type flags struct {
	listen, ca, cert, key     string
	zone, token               string
	dns, nameservers, anycast string
	glue                      string
	options                   cloudflaretest.DNSOptions
	limit                     int
}

func main() {
	var f flags
	flag.StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` of the API")
	flag.StringVar(&f.ca, "ca", "", "`file` that the certificate of a CA made for this run is written to")
	flag.StringVar(&f.cert, "tls-cert", "", "certificate `file`, PEM, instead of one made for this run")
	flag.StringVar(&f.key, "tls-key", "", "its key `file`")
	flag.StringVar(&f.zone, "zone", "", "`files` of zones, separated by commas: {\"zone\": \"example.org\", \"records\": [...]}")
	flag.StringVar(&f.token, "token", cloudflaretest.DefaultToken, "API `tokens` to accept, separated by commas")
	flag.IntVar(&f.limit, "limit", 1200, "calls in 5 minutes")
	flag.StringVar(&f.dns, "dns", "", "`address` of the nameserver; empty: none")
	flag.StringVar(&f.nameservers, "nameservers", "", "`names` of the zones' nameservers, separated by commas")
	flag.StringVar(&f.glue, "glue", "", "`addresses` of the nameservers that are inside a zone, separated by commas")
	flag.StringVar(&f.anycast, "anycast", "", "`addresses` of proxied names, separated by commas")
	flag.DurationVar(&f.options.Delay, "dns-delay", 0, "time from a write to the nameserver's answer")
	flag.DurationVar(&f.options.Spread, "dns-spread", 0, "at most so much more, for each record by itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cloudflaretest:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints "api URL" and "dns ADDRESS" once it answers there.
func run(ctx context.Context, f flags, out io.Writer) (err error) {
	api := cloudflaretest.New(cloudflaretest.Options{Tokens: tokens(f.token), Limit: f.limit})
	for _, file := range split(f.zone) {
		if err := load(api, file); err != nil {
			return err
		}
	}
	o := cloudflaretest.ListenOptions{Addr: f.listen}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return err
		}
		o.Certificate = &pair
	}
	server, err := cloudflaretest.Listen(api, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if f.ca != "" {
		if err := os.WriteFile(f.ca, server.CA, 0o644); err != nil {
			return err
		}
	}
	if f.dns != "" {
		nameserver, err := serveDNS(api, f)
		if err != nil {
			return err
		}
		defer nameserver.Close()
		fmt.Fprintln(out, "dns", nameserver.Addr)
	}
	fmt.Fprintln(out, "api", server.URL)
	<-ctx.Done()
	return nil
}

func serveDNS(api *cloudflaretest.API, f flags) (*cloudflaretest.DNS, error) {
	o := f.options
	o.Listen, o.Nameservers = f.dns, split(f.nameservers)
	for target, text := range map[*[]netip.Addr]string{&o.Anycast: f.anycast, &o.Glue: f.glue} {
		for _, a := range split(text) {
			addr, err := netip.ParseAddr(a)
			if err != nil {
				return nil, err
			}
			*target = append(*target, addr)
		}
	}
	return api.ServeDNS(o)
}

func tokens(list string) []cloudflaretest.Token {
	var all []cloudflaretest.Token
	for _, value := range split(list) {
		all = append(all, cloudflaretest.Token{Value: value})
	}
	return all
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// load reads a zone file.
func load(api *cloudflaretest.API, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var z struct {
		Zone    string                  `json:"zone"`
		Records []cloudflaretest.Record `json:"records"`
	}
	if err := json.Unmarshal(text, &z); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	api.AddZone(z.Zone)
	return api.Load(z.Zone, z.Records...)
}
