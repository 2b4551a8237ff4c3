package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// safe is a world in an outage whose state is also kept in another directory.
func safe(t *testing.T) (c *cell, path string) {
	t.Helper()
	c = newCell(t, "bind", quick())
	c.ctl = `backup = ["` + c.Folder("backup") + `"]`
	c.begin(t)
	path = filepath.Join(c.data, "journal.db")
	return c, path
}

func (c *cell) newestBackup(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(c.Path("backup/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no backup: %v", err)
	}
	slices.Sort(files)
	return files[len(files)-1]
}

// confirmed is how an export tells that the switch was confirmed.
var confirmed = regexp.MustCompile(`"event":\s*"confirmed"[^}]*"phase":\s*"fallback"|"phase":\s*"fallback"(?s:.*)"event":\s*"confirmed"`)

// backedUp waits until the newest state is in the backup.
func (c *cell) backedUp(t *testing.T) {
	t.Helper()
	lab.Within(t, long, "the backup knows of the switch", func() bool {
		text, err := os.ReadFile(c.newestBackup(t))
		return err == nil && confirmed.Match(text)
	})
}

// damaged breaks the journal in an outage. Pages are served, nothing is changed, and the backup is
// the way out.
func damaged(harm func(path string, text []byte) error) func(t *testing.T) {
	return func(t *testing.T) {
		c, path := safe(t)
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.backedUp(t)
		c.m.stop()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := harm(path, text); err != nil {
			t.Fatal(err)
		}
		c.m.start()
		c.frozen(t)
		c.m.stop()
		c.imported(t, c.newestBackup(t))
	}
}

// frozen expects that the page is served and nothing is changed, although the origin is well.
func (c *cell) frozen(t *testing.T) {
	t.Helper()
	lab.Within(t, long, "the log says that the journal cannot be used", func() bool { return c.m.said.has("journal cannot be used") })
	c.origin.set(well)
	c.stay(t, 5*time.Second, "the journal cannot be trusted")
	c.wantPage(t)
}

// imported takes a saved state, and expects that all goes on from there.
func (c *cell) imported(t *testing.T, file string) {
	t.Helper()
	if said := c.m.say("state", "import", "--force", file); said.Code != 0 {
		t.Fatalf("state import: exit code %d, %s", said.Code, said.Err)
	}
	c.m.start()
	c.finish(t)
	c.wantSwitches(t, 2)
}

func missing(t *testing.T) {
	c, path := safe(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.backedUp(t)
	c.m.stop()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.m.start()
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// lost expects that a blank controller never takes its own address for the original.
func lost(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.m.waitStatus(t, "www", "has confirmed the switch", func(s failover.SiteStatus) bool { return !s.Acting })
	saved := c.Write("saved.json", c.exported(t))
	c.m.stop()
	if err := os.Remove(filepath.Join(c.data, "journal.db")); err != nil {
		t.Fatal(err)
	}
	c.m.start()
	c.m.waitStatus(t, "www", "says what is wrong", func(s failover.SiteStatus) bool {
		return s.Trouble != "" || len(s.State.Zones) > 0 && s.State.Zones[0].Trouble != ""
	})
	c.origin.set(well)
	c.stay(t, 5*time.Second, "the records to go back to are not known")
	if text := c.exported(t); strings.Contains(text, `"baseline":[{`) {
		t.Error("the fallback's own address was taken for the original")
	}
	c.m.stop()
	c.imported(t, saved)
}

// declared expects that a blank controller goes back to what its configuration declares.
func declared(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	var records []string
	for _, host := range c.hosts()[:2] {
		for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS} {
			reply, err := lab.Query(c.ns.Addr, dns.Fqdn(host), rrtype)
			if err != nil {
				t.Fatal(err)
			}
			for _, rr := range reply.Answer {
				records = append(records, strconv.Quote(rr.String()))
			}
		}
	}
	c.m.stop()
	c.site = "records = [" + strings.Join(records, ", ") + "]"
	c.m.write(c.config())
	c.m.start()
	c.m.waitReady(t, "www")
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.m.stop()
	if err := os.Remove(filepath.Join(c.data, "journal.db")); err != nil {
		t.Fatal(err)
	}
	c.m.start()
	c.stay(t, 5*time.Second, "the origin is still away")
	c.wantPage(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

func older(t *testing.T) {
	c, path := safe(t)
	c.m.stop()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c.m.start()
	c.m.waitReady(t, "www")
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.backedUp(t)
	c.m.stop()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.m.start()
	c.frozen(t)
	c.m.stop()
	c.imported(t, c.newestBackup(t))
}
