package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// lookUp notes what DNS says of the hosts today. What cannot be found out is a warning.
func (s *starter) lookUp(ctx context.Context, p *program) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true}
	if s.resolver != "" {
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.resolver)
		}
	}
	var found []netip.Addr
	for _, host := range s.in.Hosts {
		name := failover.CanonicalName(host)
		addresses, err := resolver.LookupNetIP(ctx, "ip", name)
		if err != nil {
			p.warn("DNS says nothing of %s: %v", host, err)
			continue
		}
		if target, err := resolver.LookupCNAME(ctx, name); err == nil && target != name {
			s.in.ZoneNow = append(s.in.ZoneNow, fmt.Sprintf("%s CNAME %s", name, target))
			name = target
		}
		for _, a := range sorted(addresses) {
			rrtype := failover.TypeA
			if a.Is6() {
				rrtype = failover.TypeAAAA
			}
			s.in.ZoneNow = append(s.in.ZoneNow, fmt.Sprintf("%s %s %s", name, rrtype, a))
			found = append(found, a)
		}
	}
	if len(s.in.Origin) > 0 {
		return
	}
	for _, a := range sorted(found) {
		s.in.Origin = append(s.in.Origin, a.String())
	}
}

// sorted returns the addresses in order, each once and without an IPv4-in-IPv6 form.
func sorted(addresses []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		out[i] = a.Unmap()
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// refuseExisting is an error when there is something at path that may not be overwritten.
func refuseExisting(path string, force bool) error {
	if path == "-" || force {
		return nil
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists; try: failover init OTHER-PATH; try: --force to overwrite it", path)
	}
	return nil
}

// writeNew writes the file whole: under another name first, which then takes its place.
func writeNew(path, text string, force bool) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".failover-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // already gone when all went well
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(f.Name(), path)
	}
	if err := os.Link(f.Name(), path); err != nil { // fails if somebody else was quicker
		return fmt.Errorf("%w; try: --force", err)
	}
	return nil
}
