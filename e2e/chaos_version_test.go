package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The program is exchanged for another version while a site is failed over. There is one version yet:
// the next one is this one, with what a next one would add to the journal.
func versionRows() []row {
	return []row{
		{fault: faultDowngrade, how: "up and down again, failed over by this version", run: upAndDown(present, next)},
		{fault: faultDowngrade, how: "down and up again, failed over by the next", run: upAndDown(next, present)},
		{fault: faultDowngrade, how: "failed over by the next version, restored by this", run: restoredByAnother(next, present)},
		{fault: faultDowngrade, how: "failed over by this version, restored by the next", run: restoredByAnother(present, next)},
		{fault: faultDowngrade, how: "a backup of the next version, the journal lost", run: nextBackup},
		{fault: faultDowngrade, how: "a journal of the next format: refused, and left as it is", run: nextFormat},
	}
}

// version builds a version of the program, once.
type version func() (string, error)

func present() (string, error) { return binary, nil }

// next is a version whose entries, sites and zones have a field more, and whose operator's words are
// entries of another kind.
var next = sync.OnceValues(func() (string, error) {
	const field = "\tNext string `json:\"next,omitempty\"`\n"
	const state, zone, entry = "type State struct {\n", "type ZoneState struct {\n\tZoneRef\n", "type Entry struct {\n"
	const encode = "func encode(entry failover.Entry) ([]byte, error) {\n"
	return another(filepath.Dir(binary), "next", []patch{
		{"failover/state.go", state, state + field},
		{"failover/state.go", zone, zone + field},
		{"failover/contracts.go", entry, entry + field},
		{"failover/contracts.go", `= "command"`, `= "order"`},
		{"failover/journal/entry.go", encode, encode + `	entry.Next, entry.State.Next = "of the entry", "of the state"
	entry.State = entry.State.Clone()
	for i := range entry.State.Zones {
		entry.State.Zones[i].Next = "of the zone"
	}
`},
	})
})

// formatted is a version whose journal this one may not read.
var formatted = sync.OnceValues(func() (string, error) {
	return another(filepath.Dir(binary), "format", []patch{{"failover/journal/verify.go", "\tformat = 1 ", "\tformat = 2 "}})
})

// exchange ends the program in order, and starts another version of it.
func (c *cell) exchange(t *testing.T, v version) {
	t.Helper()
	built, err := v()
	if err != nil {
		t.Fatal(err)
	}
	c.m.stop()
	c.m.binary = built
	c.m.start()
}

// failedOver is a world that a version has failed over, and the site's state then.
func failedOver(t *testing.T, v version) (*cell, failover.State) {
	t.Helper()
	c := newCell(t, "cloudflare", quick())
	c.ctl = `backup = ["` + c.Folder("backup") + `"]`
	c.exchange(t, v)
	c.m.waitReady(t, "www")
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	s, _ := c.m.status("www")
	return c, s.State
}

// upAndDown exchanges the version that failed over for another, lets that write too, and goes back.
func upAndDown(first, second version) func(t *testing.T) {
	return func(t *testing.T) {
		c, was := failedOver(t, first)
		c.exchange(t, second)
		c.knows(t, was)
		for _, word := range []string{"hold", "release"} {
			if said := c.m.say(word, "www", "--yes", "--reason", "an exchange"); said.Code != 0 {
				t.Errorf("failover %s: exit code %d, %s", word, said.Code, said.Err)
			}
		}
		c.stay(t, 3*time.Second, "the origin is still down")
		c.exchange(t, first)
		c.knows(t, was)
		if text := c.wholeHistory(t); !strings.Contains(text, `"event": "command"`) && !strings.Contains(text, `"event": "order"`) {
			t.Errorf("the history tells of neither version's commands:\n%s", text)
		}
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
		c.checkJournaled(t)
	}
}

// restoredByAnother lets another version than the one that failed over bring the site back, and the
// first one go on after that.
func restoredByAnother(first, second version) func(t *testing.T) {
	return func(t *testing.T) {
		c, was := failedOver(t, first)
		c.exchange(t, second)
		c.knows(t, was)
		c.origin.set(well)
		c.awaitRest(t)
		c.exchange(t, first)
		c.m.waitReady(t, "www")
		c.outageAgain(t)
	}
}

// outageAgain plays an outage in a world that has had one.
func (c *cell) outageAgain(t *testing.T) {
	t.Helper()
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 4)
	c.checkJournaled(t)
}

// knows expects that the program has the state that another version wrote, and serves the page.
func (c *cell) knows(t *testing.T, was failover.State) {
	t.Helper()
	s := c.m.waitStatus(t, "www", "is awake", func(s failover.SiteStatus) bool { return len(s.State.Zones) > 0 })
	if !reflect.DeepEqual(compact(t, s.State.Zones), compact(t, was.Zones)) || s.State.Phase != was.Phase || s.State.Generation != was.Generation {
		t.Errorf("the other version knew\n%+v, and this one\n%+v", was, s.State)
	}
	lab.Within(t, long, "visitors get the page", func() bool { return c.visitor().Get(c.hosts()[0]).Status == 503 })
	c.wantPage(t)
}

// compact renders zones as this version's journal would.
func compact(t *testing.T, zones []failover.ZoneState) string {
	t.Helper()
	text, err := json.Marshal(zones)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wholeHistory is what the program prints of the site, without a gap.
func (c *cell) wholeHistory(t *testing.T) string {
	t.Helper()
	for i, e := range c.m.entries(t, "www") {
		if e.Seq != uint64(i+1) {
			t.Errorf("entry %d of the history has the number %d", i+1, e.Seq)
		}
	}
	return c.m.say("history", "www", "-n", "1000", "-o", "json").Out
}

// nextFormat expects that a format that this version does not know is told, that nothing is touched
// meanwhile, and that the next version finds all as it left it.
func nextFormat(t *testing.T) {
	c, _ := failedOver(t, formatted)
	c.exchange(t, present)
	lab.Within(t, long, "the log names the cause", func() bool { return c.m.said.has("written by a newer version") })
	c.frozen(t)
	c.exchange(t, formatted)
	c.finish(t)
	c.wantSwitches(t, 2)
	c.checkJournaled(t)
}

// nextBackup expects that the state can be taken from a backup that the next version wrote.
func nextBackup(t *testing.T) {
	c, was := failedOver(t, next)
	c.backedUp(t)
	c.m.stop()
	if err := os.Remove(filepath.Join(c.data, "journal.db")); err != nil {
		t.Fatal(err)
	}
	c.exchange(t, present)
	c.knows(t, was)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}
