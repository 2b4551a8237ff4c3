package e2e

import (
	"bytes"
	endian "encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The journal's last pages, damaged byte by byte: in CI some of the bytes, from a random one on; in a
// soak all of them, in as many parts as a row has runs.
func byteRows() []row {
	return []row{
		{fault: faultJournal, how: "cut at every byte of the last page", run: everyByte(lastPage, func(text []byte, at int) []byte { return text[:at] })},
		{fault: faultJournal, how: "a bit flipped in every byte of the last append's pages", run: everyByte(lastAppend, func(text []byte, at int) []byte {
			text[at] ^= 1 << (at * 5 % 8)
			return text
		})},
	}
}

// samples is how many bytes a run in CI damages, and for how many the whole program is started.
const samples = 45

// everyByte damages the journal of a program that was killed in an outage. Whatever comes of it, the
// journal says exactly what it said or is refused, the page is served, and the zone stays as it is.
func everyByte(where func(before, after []byte) []int, harm func(text []byte, at int) []byte) func(t *testing.T) {
	run := 0 // of this row; one follows the other
	return func(t *testing.T) {
		c, path := safe(t)
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.backedUp(t)
		before := readFile(t, path)
		if said := c.m.say("hold", "www", "--yes", "--reason", "drill"); said.Code != 0 {
			t.Fatalf("hold: %s", said.Err)
		}
		c.m.kill()
		d := damage{c: c, path: path, whole: readFile(t, path), good: statements(t, c.exported(t)), zone: c.dump(t)}
		places := where(before, d.whole)
		step := len(places) / samples
		first, each := rand.N(step), step
		if kills := soak(t, 0); kills > 0 {
			each = rowRuns(kills)
			first = run % each
		}
		run++
		for i := first; i < len(places) && !t.Failed(); i += each {
			d.play(t, fmt.Sprintf("byte %d of %d", places[i], len(d.whole)), harm(bytes.Clone(d.whole), places[i]), (i-first)%step < each)
		}
		t.Logf("%d damages, %d of them found, the others harmless", d.played, d.found)
		if d.found == 0 {
			t.Error("no damage was found at all")
		}
		d.write(t, d.whole)
		c.m.start()
		c.m.waitStatus(t, "www", "is not held", func(s failover.SiteStatus) bool { return !s.State.Held || c.m.say("release", "www", "--yes").Code == 0 })
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// lastPage are the places of the last page in use: a bbolt file's two heads, of which the newer counts,
// hold the number of pages behind 56 bytes.
func lastPage(_, file []byte) (places []int) {
	pages := uint64(0)
	for head := range 2 {
		pages = max(pages, endian.LittleEndian.Uint64(file[head*os.Getpagesize()+56:]))
	}
	for at := range os.Getpagesize() {
		places = append(places, int(pages-1)*os.Getpagesize()+at)
	}
	return places
}

// lastAppend are the places of the pages that an append wrote: of the entry, of what leads to it, and a head.
func lastAppend(before, after []byte) (places []int) {
	for from := 0; from < len(after); from += os.Getpagesize() {
		page := after[from : from+os.Getpagesize()]
		if from < len(before) && bytes.Equal(page, before[from:from+len(page)]) {
			continue
		}
		for at := range page {
			places = append(places, from+at)
		}
	}
	return places
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// damage is a journal that is damaged in one way after the other.
type damage struct {
	c             *cell
	path          string
	whole         []byte
	good          string   // what the whole journal states
	zone          []string // as it is in the outage
	played, found int
}

func (d *damage) write(t *testing.T, text []byte) {
	t.Helper()
	if err := os.WriteFile(d.path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// play lets a command find the journal with these bytes, and if asked to also the whole program, which
// takes longer.
func (d *damage) play(t *testing.T, what string, text []byte, serve bool) {
	t.Helper()
	d.played++
	d.write(t, text)
	m := d.c.m
	said := m.say("state", "export")
	refused := said.Code != 0
	switch {
	case refused && !strings.Contains(said.Err, "try: "):
		t.Errorf("%s: no way out is told: %s", what, said.Err)
	case !refused && statements(t, said.Out) != d.good:
		t.Errorf("%s: unnoticed, and the journal states something else:\n%s\nnot\n%s", what, said.Out, d.good)
	}
	if refused {
		d.found++
	}
	if serve {
		d.serve(t, what, text, refused)
	}
}

// serve starts the program: the page is served, and a journal that was refused is left as it is, and
// so is the zone.
func (d *damage) serve(t *testing.T, what string, text []byte, refused bool) {
	t.Helper()
	m := d.c.m
	before := len(m.said.all())
	m.start()
	lab.Within(t, 20*time.Second, what+": the page is served", func() bool {
		v := d.c.visitor().Get(d.c.hosts()[0])
		return v.Status == 503 && strings.Contains(v.Body, "</html>") && strings.Contains(m.said.all()[before:], "fallback listens")
	})
	if refused {
		lab.Within(t, 20*time.Second, what+": the log says that the journal cannot be used", func() bool {
			return strings.Contains(m.said.all()[before:], "journal cannot be used")
		})
	}
	m.kill()
	if now, err := os.ReadFile(d.path); refused && (err != nil || !bytes.Equal(now, text)) {
		t.Errorf("%s: the refused file was changed, %v", what, err)
	}
	if diff := lab.DiffLines(d.zone, d.c.dump(t)); diff != "" {
		t.Errorf("%s: the zone was changed:\n%s", what, diff)
	}
}

// statements is an export without what differs from one to the next.
func statements(t *testing.T, export string) string {
	t.Helper()
	var file struct{ Body map[string]any }
	if err := json.Unmarshal([]byte(export), &file); err != nil {
		t.Fatalf("failover state export: %v in %.300q", err, export)
	}
	delete(file.Body, "exportedAt")
	text, err := json.Marshal(file.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
