// Package builtin is an authoritative DNS server of our own, for a zone that is delegated to it
// or for a demonstration: UDP and TCP, records in memory, each zone one immutable value that is
// swapped as a whole, kept in a file of the data directory. It does not do DNSSEC, zone transfer
// or delegation.
package builtin

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/libdns/libdns"

	"github.com/failover-dns/failover/failover"
)

// Options describe a server.
type Options struct {
	Listen []netip.AddrPort // UDP and TCP; port 0 takes a free one, the same for both
	Zones  []Zone
	// Dir is where zones are kept; empty: in memory only.
	Dir string
	Log *slog.Logger
}

// Zone describes one zone.
type Zone struct {
	Apex        string   // any spelling
	Nameservers []string // names for the apex NS set; these always follow the configuration
	// Records are lines in master file format (RFC 1035 section 5), relative to the apex, without
	// SOA and apex NS. They seed a zone that is not in Dir yet. Lines that belong to another zone
	// of the same server are left to it.
	Records []string
}

// Server is an authoritative server.
type Server struct {
	listen []netip.AddrPort
	zones  map[string]*zone // by apex; never changed after Open
	log    *slog.Logger
	sockets
}

// Open reads or seeds all zones. Nothing listens before Start.
func Open(o Options) (*Server, error) {
	s := &Server{listen: slices.Clone(o.Listen), zones: map[string]*zone{}, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if len(o.Zones) == 0 {
		return nil, fmt.Errorf("builtin: no zone to serve")
	}
	for _, z := range o.Zones {
		apex := failover.CanonicalName(z.Apex)
		if s.zones[apex] != nil {
			return nil, fmt.Errorf("builtin: the zone %s is there twice", apex)
		}
		s.zones[apex] = &zone{apex: apex}
	}
	for _, z := range o.Zones {
		opened, err := s.openZone(o.Dir, z)
		if err != nil {
			return nil, fmt.Errorf("builtin: zone %s: %w", z.Apex, err)
		}
		s.zones[opened.apex] = opened
	}
	return s, nil
}

// openZone loads a zone from dir, or seeds it if there is none or nobody ever put a record into it.
func (s *Server) openZone(dir string, o Zone) (*zone, error) {
	z := &zone{apex: failover.CanonicalName(o.Apex), file: fileName(dir, failover.CanonicalName(o.Apex))}
	if len(o.Nameservers) == 0 {
		return nil, fmt.Errorf("no nameservers; name at least one host that this server answers at")
	}
	c, found, err := load(z.file, z.apex)
	if err != nil {
		return nil, err
	}
	if !found || c.bare() && len(o.Records) > 0 {
		found = false
		if c, err = s.seed(z.apex, o.Records); err != nil {
			return nil, err
		}
	}
	served, err := c.withNameservers(o.Nameservers)
	if err != nil {
		return nil, err
	}
	if !found || served != c {
		if err := save(z.file, served); err != nil {
			return nil, err
		}
	}
	z.content.Store(served)
	return z, nil
}

// closest returns the zone that holds the name, or nil.
func (s *Server) closest(name string) *zone {
	for {
		if z := s.zones[name]; z != nil {
			return z
		}
		parent, ok := parentOf(name)
		if !ok {
			return nil
		}
		name = parent
	}
}

// Zone returns the zone with the given apex, or nil if the server has no such zone.
func (s *Server) Zone(apex string) failover.Zone {
	if z := s.zones[failover.CanonicalName(apex)]; z != nil {
		return z
	}
	return nil
}

// Dump returns the whole content of a zone, sorted, SOA and NS included; nil for an unknown zone.
func (s *Server) Dump(apex string) []failover.RecordSet {
	if z := s.zones[failover.CanonicalName(apex)]; z != nil {
		return z.content.Load().sets()
	}
	return nil
}

// ACME returns what certmagic needs for DNS-01 challenges in the server's zones.
func (s *Server) ACME() interface {
	libdns.RecordAppender
	libdns.RecordDeleter
} {
	return acme{s}
}

// Start opens the sockets and serves until Close. It does not wait. The context bounds the
// opening alone.
func (s *Server) Start(ctx context.Context) error {
	if err := s.open(ctx, s.listen, s.Answer, s.log); err != nil {
		return fmt.Errorf("builtin: %w", err)
	}
	var addrs []string
	for _, a := range s.Addrs() {
		addrs = append(addrs, a.String())
	}
	s.log.InfoContext(ctx, "dns server started", "listen", strings.Join(addrs, " "), "zones", len(s.zones))
	return nil
}
