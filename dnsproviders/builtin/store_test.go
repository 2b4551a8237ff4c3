package builtin_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/builtin"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

func TestZonesAreKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, records...)
	if err := s.Put(t.Context(), apex, zonetest.Set("www."+apex, "TXT", 60, `"a \"b\" \\; c"`)); err != nil {
		t.Fatal(err)
	}
	want := s.Dump(apex)
	again := open(t, dir, "www 30 IN A 203.0.113.99")
	for _, c := range failover.Diff(want, again.Dump(apex)) {
		t.Errorf("not as it was:\n%s", c)
	}
	moved, err := builtin.Open(builtin.Options{Dir: dir, Zones: []builtin.Zone{{Apex: apex, Nameservers: []string{"ns2.example.net"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(ask(t, moved, wire.Query(apex, dns.TypeNS), false).Answer); got != "example.org. NS ns2.example.net." {
		t.Errorf("nameservers do not follow the configuration: %s", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("files left: %v %v", files, err)
	}
}

// Who starts without records and adds them later is not stuck with an empty zone.
func TestAZoneThatNeverHeldARecordIsSeeded(t *testing.T) {
	dir := t.TempDir()
	if got := open(t, dir).Dump(apex); len(got) != 2 {
		t.Fatalf("a new zone holds %v", got)
	}
	want := "www.example.org. 30 A 203.0.113.99"
	var got []string
	for _, set := range open(t, dir, "www 30 IN A 203.0.113.99").Dump(apex) {
		got = append(got, set.String())
	}
	if !slices.Contains(got, want) {
		t.Errorf("holds %q, want %s among it", got, want)
	}
}

func TestDamageIsFoundAndNeverReplacedByTheSeed(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "www 30 IN A 192.0.2.1")
	file := filepath.Join(dir, "example.org.zone")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reopen := func() error {
		_, err := builtin.Open(builtin.Options{Dir: dir, Zones: []builtin.Zone{{Apex: apex, Nameservers: []string{"ns1.example.net"}}}})
		return err
	}
	for i := range good {
		for _, damaged := range [][]byte{good[:i], flip(good, i)} {
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := reopen(); err == nil || !strings.Contains(err.Error(), "try:") {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reopen(); err != nil {
		t.Error(err)
	}
}

func flip(text []byte, i int) []byte {
	text = append([]byte(nil), text...)
	text[i] ^= 0x01
	return text
}

func TestWhatCannotBeSavedIsNotServed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "zones")
	s := open(t, dir, records...)
	before := s.Dump(apex)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory was
		t.Fatal(err)
	}
	err := s.Put(t.Context(), apex, zonetest.Set("www."+apex, "A", 60, "192.0.2.99"))
	if failover.KindOf(err) != failover.KindUnavailable {
		t.Errorf("error %v, want unavailable", err)
	}
	for _, c := range failover.Diff(before, s.Dump(apex)) {
		t.Errorf("changed all the same:\n%s", c)
	}
}
