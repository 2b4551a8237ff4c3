package cloudflaretest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// edge is what the nameservers know: the zones' records, each a while after its write.
type edge struct {
	mu      sync.Mutex
	delay   time.Duration // from the write to the edge
	spread  time.Duration // at most so much more, for each record by itself
	zones   map[string]map[string]Record
	serial  map[string]uint32
	pending []propagation
}

// propagation is one record on its way.
type propagation struct {
	at       time.Time
	zone, id string
	record   *Record // nil: it goes
}

func newEdge() *edge {
	return &edge{zones: map[string]map[string]Record{}, serial: map[string]uint32{}}
}

// schedule sends the difference of two contents on its way.
func (e *edge) schedule(zone string, before, after []Record, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serial[zone]++
	had := map[string]string{}
	for _, r := range before {
		had[r.ID] = r.String()
	}
	has := map[string]bool{}
	for _, r := range after {
		has[r.ID] = true
		if had[r.ID] != r.String() {
			e.pending = append(e.pending, propagation{e.arrival(r.ID, now), zone, r.ID, &r})
		}
	}
	for _, r := range before {
		if !has[r.ID] {
			e.pending = append(e.pending, propagation{e.arrival(r.ID, now), zone, r.ID, nil})
		}
	}
	slices.SortStableFunc(e.pending, func(a, b propagation) int { return a.at.Compare(b.at) })
	e.settle(now)
}

// arrival draws when a record arrives, never before an older state of the same record.
func (e *edge) arrival(id string, now time.Time) time.Time {
	at := now.Add(e.delay)
	if e.spread > 0 {
		at = at.Add(rand.N(e.spread))
	}
	for _, p := range e.pending {
		if p.id == id && p.at.After(at) {
			at = p.at
		}
	}
	return at
}

// settle carries out what has arrived.
func (e *edge) settle(now time.Time) {
	for len(e.pending) > 0 && !e.pending[0].at.After(now) {
		p := e.pending[0]
		e.pending = e.pending[1:]
		if e.zones[p.zone] == nil {
			e.zones[p.zone] = map[string]Record{}
		}
		if p.record == nil {
			delete(e.zones[p.zone], p.id)
		} else {
			e.zones[p.zone][p.id] = *p.record
		}
	}
}

// find returns the zone that a name is in, all its records in a fixed order, and its serial.
func (e *edge) find(name string) (zone string, records []Record, serial uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle(time.Now())
	for apex := range e.serial {
		if (name == apex || strings.HasSuffix(name, "."+apex)) && len(apex) > len(zone) {
			zone = apex
		}
	}
	for _, r := range e.zones[zone] {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Name+" "+a.ID, b.Name+" "+b.ID) })
	return zone, records, e.serial[zone]
}
