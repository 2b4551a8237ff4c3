package dnsproviders

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// cache is a resolver that honours TTLs, or almost. It answers from what the world holds.
type cache struct {
	mu    sync.Mutex
	world func() []failover.RecordSet // at the authoritative servers, now
	held  map[dns.Question]entry
	least time.Duration // holds everything for this long at least, and says so
	stuck time.Duration // does not notice that a TTL is over before this time
	asked []time.Time
	err   func() error
	rcode int
}

type entry struct {
	rrs   []dns.RR
	until time.Time
}

const negative = 120 // seconds; of the zone's SOA record

func (c *cache) exchange(_ context.Context, q *dns.Msg) (*dns.Msg, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.asked = append(c.asked, now)
	if c.err != nil {
		if err := c.err(); err != nil {
			return nil, err
		}
	}
	m := new(dns.Msg).SetRcode(q, c.rcode)
	if c.rcode != dns.RcodeSuccess {
		return m, nil
	}
	if !q.RecursionDesired {
		return nil, errors.New("recursion is not desired")
	}
	e := c.lookup(q.Question[0], now)
	left := uint32(max(0, e.until.Sub(now)) / time.Second)
	for _, rr := range e.rrs {
		rr = dns.Copy(rr)
		rr.Header().Ttl = left
		m.Answer = append(m.Answer, rr)
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: left}, Minttl: negative}}
	}
	return m, nil
}

// lookup answers from the cache, or asks the world.
func (c *cache) lookup(q dns.Question, now time.Time) entry {
	if e, found := c.held[q]; found && (now.Before(e.until) || now.Before(e.until.Add(c.stuck))) {
		return e
	}
	e := entry{until: now.Add(max(negative*time.Second, c.least))}
	for _, set := range c.world() {
		if set.Name != q.Name || set.Type != dns.Type(q.Qtype).String() && set.Type != failover.TypeCNAME {
			continue
		}
		rrs, err := wire.RRs(set)
		if err != nil {
			panic(err)
		}
		e.rrs, e.until = rrs, now.Add(max(time.Duration(set.TTL)*time.Second, c.least))
	}
	if c.held == nil {
		c.held = map[dns.Question]entry{}
	}
	c.held[q] = e
	return e
}

// visit asks as a visitor does.
func (c *cache) visit(types ...uint16) {
	for _, rrtype := range types {
		q := wire.Query("www.example.org.", rrtype)
		q.RecursionDesired = true
		c.exchange(context.Background(), q)
	}
	c.mu.Lock()
	c.asked = nil
	c.mu.Unlock()
}

func panel(caches ...*cache) *Panel {
	p, err := NewPanel(PanelOptions{})
	if err != nil {
		panic(err)
	}
	for i, c := range caches {
		p.resolvers = append(p.resolvers, &resolver{address: fmt.Sprintf("192.0.2.%d:53", i+1), exchange: c.exchange})
	}
	return p
}

func sets(lines ...string) []failover.RecordSet {
	var rrs []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR("www.example.org. " + line)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, rr)
	}
	return wire.Sets(rrs)
}

func plan(before, after []failover.RecordSet) failover.Plan {
	return failover.Plan{ZoneRef: failover.ZoneRef{Zone: "example.org."}, Names: []string{"www.example.org."}, Before: before, After: after}
}

// TestPanelWaitsForTTLs: visitors asked before the switch, and 100 seconds later the zone moves.
func TestPanelWaitsForTTLs(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after []failover.RecordSet
		visits        []uint16
		follows       time.Duration // after the switch
		most          int           // questions
	}{
		{"held for its TTL", sets("300 A 192.0.2.1"), sets("60 A 198.51.100.7"), []uint16{dns.TypeA}, 200 * time.Second, 2},
		{"not held at all", sets("300 A 192.0.2.1"), sets("60 A 198.51.100.7"), nil, 0, 1},
		{"AAAA that goes", sets("300 A 192.0.2.1", "1000 AAAA 2001:db8::1"), sets("60 A 198.51.100.7"), []uint16{dns.TypeA, dns.TypeAAAA}, 900 * time.Second, 4},
		{"AAAA that comes", sets("300 A 192.0.2.1"), sets("300 A 192.0.2.1", "60 AAAA 2001:db8::7"), []uint16{dns.TypeAAAA}, 20 * time.Second, 2},
		{"to a CNAME", sets("300 A 192.0.2.1"), sets("60 CNAME fallback.example.net."), []uint16{dns.TypeA}, 200 * time.Second, 5},
		{"from a CNAME", sets("300 CNAME origin.example.net."), sets("60 A 198.51.100.7"), []uint16{dns.TypeA}, 200 * time.Second, 2},
		{"long held", sets("86400 A 192.0.2.1"), sets("60 A 198.51.100.7"), []uint16{dns.TypeA}, 86300 * time.Second, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := c.before
				r := &cache{world: func() []failover.RecordSet { return now }}
				r.visit(c.visits...)
				time.Sleep(100 * time.Second)
				now = c.after
				begun := time.Now()
				got, err := panel(r).Ask(t.Context(), plan(c.before, c.after))
				if err != nil || len(got) != 1 || !got[0].OK || got[0].Server != failover.Resolver || got[0].Address != "192.0.2.1:53" {
					t.Fatalf("%+v %v", got, err)
				}
				if took := got[0].At.Sub(begun); took < c.follows || took > c.follows+2*time.Second {
					t.Errorf("followed after %v, want %v", took, c.follows)
				}
				if len(r.asked) > c.most {
					t.Errorf("%d questions, want at most %d", len(r.asked), c.most)
				}
			})
		})
	}
}

func TestPanelAsksNobodyWithoutNeed(t *testing.T) {
	proxied := sets("1 A 192.0.2.1")
	proxied[0].Proxied = true
	for name, p := range map[string]failover.Plan{
		"TTLs alone":     plan(sets("300 A 192.0.2.1"), sets("60 A 192.0.2.1")),
		"nothing":        plan(sets("300 A 192.0.2.1"), sets("300 A 192.0.2.1")),
		"becomes hidden": plan(sets("300 A 192.0.2.2"), proxied),
	} {
		r := &cache{world: func() []failover.RecordSet { return nil }}
		if got, err := panel(r).Ask(t.Context(), p); got != nil || err != nil || len(r.asked) > 0 {
			t.Errorf("%s: %+v %v after %d questions", name, got, err, len(r.asked))
		}
	}
	if got, err := panel().Ask(t.Context(), plan(sets("300 A 192.0.2.1"), sets("60 A 198.51.100.7"))); got != nil || err != nil {
		t.Errorf("no resolvers: %+v %v", got, err)
	}
}

// TestPanelTellsEachResolver: one that forgets in time, one that does not, one that never answers,
// one that refuses and one that stretches TTLs.
func TestPanelTellsEachResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := sets("60 A 192.0.2.1"), sets("60 A 198.51.100.7")
		now := before
		world := func() []failover.RecordSet { return now }
		good, stubborn, deaf := &cache{world: world}, &cache{world: world, stuck: time.Hour}, &cache{err: func() error { return errors.New("no answer") }}
		refuses, stretches := &cache{rcode: dns.RcodeRefused}, &cache{world: world, least: 200 * time.Second}
		for _, r := range []*cache{good, stubborn, stretches} {
			r.visit(dns.TypeA)
		}
		time.Sleep(20 * time.Second)
		now = after
		begun := time.Now()
		got, err := panel(good, stubborn, deaf, refuses, stretches).Ask(t.Context(), plan(before, after))
		if err == nil || err.Error() != "192.0.2.2:53: still answers www.example.org. 0 A 192.0.2.1" {
			t.Errorf("error %v", err)
		}
		for i, want := range []struct {
			ok     bool
			at     time.Duration
			detail string
		}{
			{true, 40 * time.Second, ""},
			{false, 640 * time.Second, "still answers"}, // 10 minutes after its TTL
			{false, 600 * time.Second, "no answer"},
			{false, 600 * time.Second, "REFUSED"},
			{true, 180 * time.Second, ""},
		} {
			took := got[i].At.Sub(begun)
			if got[i].OK != want.ok || took < want.at || took > want.at+lastGap || !strings.Contains(got[i].Detail, want.detail) || want.ok != (got[i].Detail == "") {
				t.Errorf("%d: after %v: %+v", i, took, got[i])
			}
		}
		for _, r := range []*cache{stubborn, deaf} {
			for i, at := range r.asked[1:] {
				if gap := at.Sub(r.asked[i]); gap < firstGap {
					t.Errorf("asked again after %v", gap)
				}
			}
			if n := len(r.asked); n < 20 || n > 60 {
				t.Errorf("%d questions", n)
			}
		}
	})
}

// TestPanelEndsWithTheContext: what was known to be old is an error; what was never answered is not.
func TestPanelEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := sets("60 A 192.0.2.1"), sets("60 A 198.51.100.7")
		old, deaf := &cache{world: func() []failover.RecordSet { return before }}, &cache{err: func() error { return errors.New("no answer") }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		got, err := panel(old, deaf).Ask(ctx, plan(before, after))
		if took := time.Since(begun); took != 10*time.Second || err == nil || strings.Contains(err.Error(), "192.0.2.2") || !strings.Contains(got[0].Detail, "still answers") {
			t.Errorf("after %v: %+v %v", took, got, err)
		}
		cancel()
		if got, err := panel(old).Ask(ctx, plan(before, after)); err != nil || got[0].OK || got[0].Detail == "" {
			t.Errorf("ended before it began: %+v %v", got, err)
		}
	})
}

// TestPanelRemembersWhenCutShort: a question that is cut short takes back nothing.
func TestPanelRemembersWhenCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := sets("60 A 192.0.2.1")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &cache{world: func() []failover.RecordSet { return before }}
		r.err = func() error {
			if len(r.asked) > 1 {
				cancel()
			}
			return ctx.Err()
		}
		got, err := panel(r).Ask(ctx, plan(before, sets("60 A 198.51.100.7")))
		if err == nil || !strings.Contains(got[0].Detail, "still answers") {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// TestPanelDoesNotWaitForAbsurdTTLs.
func TestPanelDoesNotWaitForAbsurdTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := sets("10000000 A 192.0.2.1")
		r := &cache{world: func() []failover.RecordSet { return before }}
		begun := time.Now()
		_, err := panel(r).Ask(t.Context(), plan(before, sets("60 A 198.51.100.7")))
		if took := time.Since(begun); err == nil || took > mostHeld+11*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestPanelGivesUpWhereThereIsNoWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r := &cache{err: func() error { return syscall.ENETUNREACH }}
		got, err := panel(r).Ask(t.Context(), plan(sets("60 A 192.0.2.1"), sets("60 A 198.51.100.7")))
		if err != nil || got[0].OK || got[0].Detail == "" || time.Since(begun) != 0 {
			t.Errorf("after %v: %+v %v", time.Since(begun), got, err)
		}
	})
}

// TestPanelComesBackToAResolver: one that is down at first is asked again.
func TestPanelComesBackToAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := sets("60 A 198.51.100.7")
		begun := time.Now()
		r := &cache{world: func() []failover.RecordSet { return after }, err: func() error {
			if time.Since(begun) < time.Minute {
				return errors.New("no answer")
			}
			return nil
		}}
		got, err := panel(r).Ask(t.Context(), plan(sets("60 A 192.0.2.1"), after))
		if took := time.Since(begun); err != nil || !got[0].OK || took < time.Minute || took > time.Minute+lastGap {
			t.Errorf("after %v: %+v %v", took, got, err)
		}
	})
}

// TestPanelIsGentleWhenEverythingMoves: a thousand sites at once are a trickle at each resolver.
func TestPanelIsGentleWhenEverythingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := sets("60 A 198.51.100.7")
		r := &cache{world: func() []failover.RecordSet { return after }}
		p := panel(r)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if got, err := p.Ask(t.Context(), plan(sets("60 A 192.0.2.1"), after)); err != nil || !got[0].OK {
					t.Errorf("%+v %v", got, err)
				}
			})
		}
		wg.Wait()
		for i, at := range r.asked[1:] {
			if gap := at.Sub(r.asked[i]); gap < spacing {
				t.Fatalf("two questions within %v", gap)
			}
		}
	})
}

func TestPanelOptions(t *testing.T) {
	if _, err := NewPanel(PanelOptions{Resolvers: []string{"resolver.example.net:53"}}); err == nil || !strings.Contains(err.Error(), "try:") {
		t.Errorf("a name is no address: %v", err)
	}
}

var _ failover.Confirm = (*Panel)(nil).Ask
