package e2e

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// eyes ask the authoritative server for every address of some names every few milliseconds. What
// is neither exactly the origin's set nor exactly the fallback's is a violation.
type eyes struct {
	doubts  complaints
	lenient atomic.Bool // somebody else writes into the zone: only an empty name is a violation
	mixed   atomic.Bool // a change may be seen half done: each address must be the origin's or the fallback's
	dial    func() (net.Conn, error)
	right   []string // the sets that a name may have

	mu    sync.Mutex
	polls int
	now   map[string]string
	turns []turn
}

// turn is a change of what a name's A set is.
type turn struct {
	at    time.Time
	name  string
	value string // addresses, joined by spaces
}

func watchNames(c *cell, names []string) *eyes {
	e := &eyes{now: map[string]string{}, right: []string{strings.Join(c.origins(), " "), c.fallback()}}
	e.dial = func() (net.Conn, error) { return net.Dial("udp", c.ns.Addr) }
	c.Go(func(ctx context.Context) {
		for ctx.Err() == nil {
			e.look(ctx, names)
		}
	})
	return e
}

// look asks over one socket until a question stays without an answer.
func (e *eyes) look(ctx context.Context, names []string) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	raw, err := e.dial()
	if err != nil {
		<-ticker.C
		return
	}
	conn := &dns.Conn{Conn: raw}
	defer conn.Close()
	for n := 0; ctx.Err() == nil; n++ {
		<-ticker.C
		q := new(dns.Msg).SetQuestion(dns.Fqdn(names[n%len(names)]), dns.TypeA)
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		if conn.WriteMsg(q) != nil {
			return
		}
		answer, err := conn.ReadMsg()
		if err != nil || answer.Id != q.Id {
			return
		}
		e.note(names[n%len(names)], answer)
	}
}

func (e *eyes) note(name string, answer *dns.Msg) {
	var values []string
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			values = append(values, a.A.String())
		}
	}
	slices.Sort(values)
	value := strings.Join(values, " ")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.polls++
	if len(values) == 0 && !e.lenient.Load() {
		e.doubts.add("%s has no address: %s", name, dns.RcodeToString[answer.Rcode])
	}
	if e.now[name] == value {
		return
	}
	e.now[name] = value
	e.turns = append(e.turns, turn{time.Now(), name, value})
	if !e.allowed(value) && !e.lenient.Load() {
		e.doubts.add("%s is %q: neither the origin's set nor the fallback's", name, value)
	}
}

// allowed tells whether a name may have this set of addresses.
func (e *eyes) allowed(value string) bool {
	if !e.mixed.Load() {
		return slices.Contains(e.right, value)
	}
	ours := strings.Fields(strings.Join(e.right, " "))
	return !slices.ContainsFunc(strings.Fields(value), func(address string) bool { return !slices.Contains(ours, address) })
}

func (e *eyes) value(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now[name]
}

func (e *eyes) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.polls
}

// switches is how often a name changed its set since the watch began.
func (e *eyes) switches(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := -1
	for _, t := range e.turns {
		if t.name == name {
			n++
		}
	}
	return max(n, 0)
}
