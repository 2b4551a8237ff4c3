package dnsproviders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

const (
	firstGap = 2 * time.Second       // between two rounds of questions about one plan to one resolver, at first
	lastGap  = 15 * time.Second      // and later, unless the TTL of the old answer is longer
	spacing  = 50 * time.Millisecond // between any two questions to one resolver
	mostHeld = 24 * time.Hour        // a longer TTL is not waited for
)

// PanelOptions say which resolvers are asked.
type PanelOptions struct {
	Resolvers []string      // host:port, the host an IP address; none: nobody is asked
	Within    time.Duration // how long a resolver may take once the TTL of its old answer is over; default 10 minutes
	Timeout   time.Duration // for one question; default 2 s
	Log       *slog.Logger
}

// Panel asks resolvers what visitors behind them see. It is shared by all plans, so that a day on
// which everything moves does not flood anybody.
type Panel struct {
	resolvers []*resolver
	within    time.Duration
	log       *slog.Logger
}

// resolver is one of the panel.
type resolver struct {
	address  string
	exchange func(context.Context, *dns.Msg) (*dns.Msg, error)

	mu   sync.Mutex
	next time.Time // when it may be asked again
}

// NewPanel checks the options. It asks nobody yet.
func NewPanel(o PanelOptions) (*Panel, error) {
	p := &Panel{within: o.Within, log: o.Log}
	if p.within <= 0 {
		p.within = 10 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	for _, address := range o.Resolvers {
		if _, err := netip.ParseAddrPort(address); err != nil {
			return nil, fmt.Errorf("resolver %q: %w; try: \"192.0.2.53:53\"", address, err)
		}
		client := wire.Client{Server: address, Timeout: o.Timeout}
		p.resolvers = append(p.resolvers, &resolver{address: address, exchange: client.Exchange})
	}
	return p, nil
}

// Ask is a failover.Confirm for resolvers. It asks each for the sets whose values the plan changes,
// until it answers plan.After. One that still gives old records when their TTL has been over for
// Within, or when ctx ends, makes the error. One that gives no usable answer, for Within, is
// reported as not OK and is no error. A TTL that resolvers change at will is not compared.
func (p *Panel) Ask(ctx context.Context, plan failover.Plan) ([]failover.Confirmation, error) {
	expected := moved(plan)
	if len(expected) == 0 || len(p.resolvers) == 0 {
		return nil, nil
	}
	confirmations := make([]failover.Confirmation, len(p.resolvers))
	stale := make([]bool, len(p.resolvers))
	var wait sync.WaitGroup
	for i, r := range p.resolvers {
		wait.Go(func() { confirmations[i], stale[i] = p.poll(ctx, r, expected) })
	}
	wait.Wait()
	var hold []string
	for i, c := range confirmations {
		if stale[i] {
			hold = append(hold, c.Address+": "+c.Detail)
		}
	}
	if len(hold) > 0 {
		return confirmations, errors.New(strings.Join(hold, "; "))
	}
	return confirmations, nil
}

// poll asks one resolver until it answers everything as expected or its time is over; stale tells
// whether it gave old records to the end.
func (p *Panel) poll(ctx context.Context, r *resolver, expected []expectation) (c failover.Confirmation, stale bool) {
	c = failover.Confirmation{Server: failover.Resolver, Address: r.address, At: time.Now(), Detail: "was not asked in time"}
	patience := time.Now().Add(p.within)
	open, held := expected, len(expected)+1
	for gap := firstGap; ; gap = min(gap*3/2, lastGap) {
		still, left, err := r.round(ctx, open)
		if ctx.Err() != nil && err != nil { // it was cut short and says nothing new
			return c, stale
		}
		open, c.At, stale = still, time.Now(), left >= 0
		if err == nil {
			c.OK, c.Detail = true, ""
			p.log.InfoContext(ctx, "resolver answers the new records", "resolver", r.address)
			return c, false
		}
		c.Detail = err.Error()
		if stale && len(open) < held { // another record, which it may hold as long as it says now
			held = len(open)
			patience = later(patience, c.At.Add(left+p.within))
		}
		rest := time.Until(patience)
		if noRoute(err) || rest <= 0 {
			return c, stale
		}
		pause := min(max(gap, left), max(rest, firstGap))
		p.log.DebugContext(ctx, "resolver does not answer the new records yet", "resolver", r.address, "detail", c.Detail, "pause", pause)
		if !sleep(ctx, pause) {
			return c, stale
		}
	}
}

// round asks what is still open and returns what remains so, with the reason for the first, and how
// long the resolver may hold that old answer; -1 if it gave none.
func (r *resolver) round(ctx context.Context, open []expectation) (still []expectation, left time.Duration, err error) {
	for i, e := range open {
		if !r.turn(ctx) {
			return open[i:], -1, ctx.Err()
		}
		q := wire.Query(e.name, e.rrtype)
		q.RecursionDesired = true
		m, err := r.exchange(ctx, q)
		if err == nil {
			err = existence(r.address, m)
		}
		if err != nil {
			return open[i:], -1, err
		}
		if err := e.compare(m); err != nil {
			return open[i:], e.left(m), err
		}
	}
	return nil, -1, nil
}

// turn waits until the resolver may be asked, and tells whether ctx lasted until then.
func (r *resolver) turn(ctx context.Context) bool {
	r.mu.Lock()
	at := later(r.next, time.Now())
	r.next = at.Add(spacing)
	r.mu.Unlock()
	return sleep(ctx, time.Until(at))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep waits for d and tells whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
