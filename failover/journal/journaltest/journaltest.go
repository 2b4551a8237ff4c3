// Package journaltest holds the contract of a failover.Journal, as a test suite that every
// implementation passes.
package journaltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Run checks the contract. Each call of open returns an empty journal of its own, and cleans up
// after the test by itself.
func Run(t *testing.T, open func(t *testing.T) failover.Journal) {
	for name, check := range map[string]func(*testing.T, failover.Journal){
		"empty":                   empty,
		"newest is the state":     newest,
		"entries come back exact": exact,
		"append must follow":      follow,
		"a refusal stores nothing, also where other sites' entries are stored with it": refusal,
		"of two writers one wins":                race,
		"sites do not mix":                       separate,
		"tail":                                   tail,
		"readers and writers do not get mixed":   concurrent,
		"what is returned belongs to the caller": owned,
		"a site without a name is refused":       nameless,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// Entry returns an entry that fills every field, different for every site and seq.
func Entry(site string, seq uint64) failover.Entry {
	at := time.Unix(1_700_000_000+int64(seq), 123456789).UTC()
	set := failover.RecordSet{Name: site + ".example.org.", Type: failover.TypeA, TTL: 300, Records: []failover.Record{
		{Value: netip.AddrFrom4([4]byte{192, 0, 2, byte(seq)}).String(), Opaque: json.RawMessage(`{"comment":"a \u003cb\u003e","id":"x"}`)}}}
	moved := set.Clone()
	moved.Records = []failover.Record{{Value: "198.51.100.7"}}
	ref := failover.ZoneRef{Provider: "main", Zone: "example.org."}
	plan := failover.Plan{Site: site, ZoneRef: ref, Names: []string{set.Name}, Generation: seq, Target: failover.ToFallback,
		Before: []failover.RecordSet{set}, After: []failover.RecordSet{moved}}
	return failover.Entry{Seq: seq, Site: site, At: at, Event: failover.EventPlan, By: "controller", Message: fmt.Sprintf("entry %d & more", seq),
		State: failover.State{Phase: failover.InFallback, Since: at, OutageSince: at.Add(-time.Minute), Generation: seq,
			Failovers: []time.Time{at}, Vetoes: []failover.Veto{{Rule: failover.VetoDwell, Message: "wait"}},
			Zones: []failover.ZoneState{{ZoneRef: ref, Names: []string{set.Name}, Baseline: []failover.RecordSet{set}, BaselineAt: at,
				Applied: failover.ToArmed, AppliedAt: at, Written: []failover.RecordSet{moved}, Plan: &plan}}},
		Confirmations: []failover.Confirmation{{Server: "ns1.example.net.", Address: "192.0.2.53:53", At: at, OK: true}}}
}

func put(t *testing.T, j failover.Journal, entries ...failover.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := j.Append(e); err != nil {
			t.Fatalf("append %s %d: %v", e.Site, e.Seq, err)
		}
	}
}

func wantLast(t *testing.T, j failover.Journal, want failover.Entry) {
	t.Helper()
	got, err := j.Last(want.Site)
	if err != nil || !same(got, want) {
		t.Fatalf("Last(%s) = %+v, %v\nwant %+v", want.Site, got, err, want)
	}
}

// same compares as JSON, in which an entry is kept and told.
func same(a, b failover.Entry) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && slices.Equal(x, y)
}

func empty(t *testing.T, j failover.Journal) {
	if _, err := j.Last("www"); !errors.Is(err, failover.ErrNoEntry) {
		t.Errorf("Last of an unknown site: %v, want ErrNoEntry", err)
	}
	if got, err := j.Tail("www", 5); err != nil || len(got) != 0 {
		t.Errorf("Tail of an unknown site: %v, %v", got, err)
	}
	if got, err := j.Sites(); err != nil || len(got) != 0 {
		t.Errorf("Sites of an empty journal: %v, %v", got, err)
	}
}

func newest(t *testing.T, j failover.Journal) {
	for seq := uint64(1); seq <= 5; seq++ {
		put(t, j, Entry("www", seq))
		wantLast(t, j, Entry("www", seq))
	}
}

func exact(t *testing.T, j failover.Journal) {
	want := Entry("www", 1)
	put(t, j, want)
	got, err := j.Last("www")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("an entry came back changed:\n%+v, %v\nwas\n%+v", got, err, want)
	}
}

func follow(t *testing.T, j failover.Journal) {
	for _, seq := range []uint64{0, 2, 1 << 20} {
		if err := j.Append(Entry("www", seq)); !errors.Is(err, failover.ErrConflict) {
			t.Errorf("Append(%d) as the first: %v, want ErrConflict", seq, err)
		}
	}
	put(t, j, Entry("www", 1), Entry("www", 2))
	for _, seq := range []uint64{0, 1, 2, 4} {
		if err := j.Append(Entry("www", seq)); !errors.Is(err, failover.ErrConflict) {
			t.Errorf("Append(%d) after 2: %v, want ErrConflict", seq, err)
		}
	}
	wantLast(t, j, Entry("www", 2))
}

func refusal(t *testing.T, j failover.Journal) {
	put(t, j, Entry("www", 1))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				if err := j.Append(Entry(fmt.Sprintf("refused%d", i), 7)); !errors.Is(err, failover.ErrConflict) {
					t.Errorf("a gap was stored: %v", err)
				}
				return
			}
			if err := j.Append(Entry(fmt.Sprintf("site%d", i), 1)); err != nil {
				t.Errorf("an entry was refused because of another one: %v", err)
			}
		})
	}
	wg.Wait()
	sites, err := j.Sites()
	if err != nil || len(sites) != 11 || !slices.IsSorted(sites) {
		t.Fatalf("Sites = %v, %v; want www and ten more, sorted", sites, err)
	}
}

func race(t *testing.T, j failover.Journal) {
	for seq := uint64(1); seq <= 5; seq++ {
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			e := Entry("www", seq)
			e.By = fmt.Sprint(i)
			wg.Go(func() { errs[i] = j.Append(e) })
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		for i, err := range errs {
			if i != winner && !errors.Is(err, failover.ErrConflict) {
				t.Fatalf("writer %d got %v; the winner is %d, so want ErrConflict", i, err, winner)
			}
		}
		if got, err := j.Last("www"); err != nil || got.By != fmt.Sprint(winner) {
			t.Fatalf("the winner is %d, the journal has %q, %v", winner, got.By, err)
		}
	}
}

func separate(t *testing.T, j failover.Journal) {
	names := []string{"a", "ab", "a.b", "www", "WWW", "ä"}
	for i, name := range names {
		for seq := range uint64(i + 1) {
			put(t, j, Entry(name, seq+1))
		}
	}
	for i, name := range names {
		wantLast(t, j, Entry(name, uint64(i+1)))
	}
	slices.Sort(names)
	if got, err := j.Sites(); err != nil || !slices.Equal(got, names) {
		t.Fatalf("Sites = %q, %v; want %q", got, err, names)
	}
}

func tail(t *testing.T, j failover.Journal) {
	for seq := uint64(1); seq <= 5; seq++ {
		put(t, j, Entry("www", seq))
	}
	for n, want := range map[int]int{0: 0, 1: 1, 3: 3, 5: 5, 100: 5} {
		got, err := j.Tail("www", n)
		if err != nil || len(got) != want {
			t.Fatalf("Tail(%d) has %d entries, %v; want %d", n, len(got), err, want)
		}
		for i, e := range got {
			if !same(e, Entry("www", uint64(5-want+i+1))) {
				t.Fatalf("Tail(%d)[%d] is entry %d", n, i, e.Seq)
			}
		}
	}
}

func concurrent(t *testing.T, j failover.Journal) {
	var wg sync.WaitGroup
	for i := range 4 {
		site := fmt.Sprintf("site%d", i)
		put(t, j, Entry(site, 1))
		wg.Go(func() {
			for seq := uint64(2); seq <= 10; seq++ {
				if err := j.Append(Entry(site, seq)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
		wg.Go(func() {
			for before := uint64(1); before < 10; {
				got, err := j.Last(site)
				if err != nil || got.Seq < before || !same(got, Entry(site, got.Seq)) {
					t.Errorf("read %+v, %v after entry %d", got, err, before)
					return
				}
				before = got.Seq
			}
		})
	}
	wg.Wait()
}

func owned(t *testing.T, j failover.Journal) {
	put(t, j, Entry("www", 1))
	got, err := j.Last("www")
	if err != nil {
		t.Fatal(err)
	}
	got.State.Zones[0].Baseline[0].Records[0].Value = "203.0.113.66"
	copy(got.State.Zones[0].Baseline[0].Records[0].Opaque, "XXXXXXXX")
	wantLast(t, j, Entry("www", 1))
}

func nameless(t *testing.T, j failover.Journal) {
	if err := j.Append(Entry("", 1)); err == nil {
		t.Error("an entry of no site was stored")
	}
	if got, err := j.Sites(); err != nil || len(got) != 0 {
		t.Errorf("Sites = %q, %v", got, err)
	}
	if _, err := j.Last(""); !errors.Is(err, failover.ErrNoEntry) {
		t.Errorf("Last of no name: %v", err)
	}
}
