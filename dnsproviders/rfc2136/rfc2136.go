// Package rfc2136 moves names at a server that takes DNS UPDATE (RFC 2136) signed with TSIG
// (RFC 8945): BIND, Knot, PowerDNS and others. A change is one UPDATE whose prerequisites are the
// plan's Before, so that comparing and replacing are one step at the server.
//
// The key needs no more than this, in the words of BIND; _acme-challenge only if certificates are
// to be obtained through the same server, and preferably with a key of its own:
//
//	key "failover." { algorithm hmac-sha256; secret "..."; };   // tsig-keygen failover.
//	zone "example.org" { type primary; file "..."; update-policy {
//		grant failover. name www.example.org. A AAAA CNAME HTTPS SVCB;
//		grant failover. name _acme-challenge.www.example.org. TXT;
//	}; };
//
// and of Knot:
//
//	acl:
//	  - id: failover
//	    key: failover.
//	    action: update
//	    update-owner: name
//	    update-owner-match: equal
//	    update-owner-name: [www.example.org., _acme-challenge.www.example.org.]
package rfc2136

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// Options say where the server is and who we are to it.
type Options struct {
	Server     string // host:port of the primary
	TSIGName   string // "" for an unsigned channel, such as a server on loopback
	TSIGAlgo   string // such as "hmac-sha256."
	TSIGSecret string // base64; never printed
	// Timeout bounds each conversation with the server; 0: five seconds. A Replace has three.
	Timeout time.Duration
	Log     *slog.Logger
}

// Provider is a server and the key to it. It holds no connection between calls and is safe for
// concurrent use.
type Provider struct {
	client wire.Client
	log    *slog.Logger
}

// Open checks the options. It does not ask the server.
func Open(o Options) (*Provider, error) {
	if _, _, err := net.SplitHostPort(o.Server); err != nil {
		return nil, fmt.Errorf("rfc2136: server %q: %w; try: \"192.0.2.53:53\"", o.Server, err)
	}
	p := &Provider{client: wire.Client{Server: o.Server, Timeout: o.Timeout}, log: o.Log}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if o.TSIGName != "" || o.TSIGSecret != "" {
		key, err := wire.NewTSIG(o.TSIGName, o.TSIGAlgo, o.TSIGSecret)
		if err != nil {
			return nil, fmt.Errorf("rfc2136: server %s: %w", o.Server, err)
		}
		p.client.TSIG = key
	}
	return p, nil
}

// Close is there for symmetry: nothing is held between calls.
func (p *Provider) Close() error { return nil }

// Zone returns the zone with the given apex.
func (p *Provider) Zone(apex string) failover.Zone {
	return &zone{apex: failover.CanonicalName(apex), client: p.client, log: p.log}
}

// ACME returns what certmagic needs for DNS-01 challenges. It writes TXT records only.
func (p *Provider) ACME() interface {
	libdns.RecordAppender
	libdns.RecordDeleter
} {
	return acme{p.client}
}

// acme writes and removes challenge records; both may be repeated without harm.
type acme struct{ client wire.Client }

func (a acme) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return a.update(ctx, zone, records, (*dns.Msg).Insert)
}

func (a acme) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return a.update(ctx, zone, records, (*dns.Msg).Remove)
}

func (a acme) update(ctx context.Context, zone string, records []libdns.Record, do func(*dns.Msg, []dns.RR)) ([]libdns.Record, error) {
	rrs, err := wire.TXTs(zone, records)
	if err != nil {
		return nil, fmt.Errorf("rfc2136: %w", err)
	}
	if len(rrs) == 0 {
		return nil, nil
	}
	m := new(dns.Msg).SetUpdate(failover.CanonicalName(zone))
	do(m, rrs)
	if err := send(ctx, a.client, m); err != nil {
		return nil, failed("replace", failover.CanonicalName(zone), err, true)
	}
	return records, nil
}

// send makes one UPDATE over TCP: there the answer is not lost to a dropped datagram, and nothing
// is repeated.
func send(ctx context.Context, client wire.Client, m *dns.Msg) error {
	answers, err := client.Pipeline(ctx, []*dns.Msg{m})
	if err != nil {
		return err
	}
	return wire.Check(client.Server, answers[0])
}
