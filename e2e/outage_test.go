package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The whole story at real name servers: the origin dies, the name moves, visitors read the page
// over a certificate obtained before, the origin returns, and the zone is as it was.
func TestOutageAtBIND(t *testing.T) { testOutage(t, (*lab.Lab).BIND) }
func TestOutageAtKnot(t *testing.T) { testOutage(t, (*lab.Lab).Knot) }

func testOutage(t *testing.T, start func(l *lab.Lab, zone, records string) *lab.NameServer) {
	t.Parallel()
	w := newWorld(t, start)
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitReady(t, "www")
	if diff := lab.DiffLines(w.before, w.ns.Dump(t)); diff != "" {
		t.Errorf("the controller changed the zone while all was well:\n%s", diff)
	}
	watcher := w.Watch(w.ns, name)
	constant := w.Visit(w.direct(), host)
	visits := w.Visit(w.visitor(), host)
	lab.Within(t, long, "a visitor reaches the origin", func() bool {
		_, ok := visits.First(time.Time{}, 200)
		return ok
	})

	killed := time.Now()
	w.origin.Kill()
	w.checkOutage(t, killed, watcher, visits)

	returned := time.Now()
	w.origin.Restart()
	lab.Within(t, long, "the name is back at the origin", func() bool {
		return !watcher.FirstAfter(returned, w.originAddr()).IsZero()
	})
	lab.Within(t, long, "a visitor reaches the origin again", func() bool {
		_, ok := visits.First(returned, 200)
		return ok
	})
	w.checkZoneRestored(t)
	watcher.CheckNeverEmpty(t)
	constant.Check(t, func(v lab.Visit) bool {
		handedOn := v.Status == 200 && v.Body == lab.OriginText && v.At.After(returned)
		return v.Status == 503 || handedOn // who still comes after the way back gets the origin
	})
	w.checkSecrets(t, controller)
	entries := controller.History("www")
	checkConfirmed(t, entries, w.ns.Addr)
	logFigures(t, entries)
}

// checkConfirmed expects that the name server, found by the zone's own NS set, was asked for the
// new records after every switch.
func checkConfirmed(t *testing.T, entries []failover.Entry, server string) {
	t.Helper()
	confirmed := 0
	for _, e := range entries {
		for _, c := range e.Confirmations {
			if c.Address != server || !c.OK {
				t.Errorf("confirmation %+v; expected one by %s", c, server)
			}
			confirmed++
		}
	}
	if confirmed < 2 {
		t.Errorf("%d confirmations by the name server; expected one for each way", confirmed)
	}
}

// checkOutage waits for the switch and looks at everything a visitor and dig can see.
func (w *world) checkOutage(t *testing.T, killed time.Time, watcher *lab.Watcher, visits *lab.Constant) {
	t.Helper()
	var changed time.Time
	lab.Within(t, long, "the name is at the fallback", func() bool {
		changed = watcher.FirstAfter(killed, w.fallbackAddr())
		return !changed.IsZero()
	})
	var first lab.Visit
	lab.Within(t, long, "a visitor gets the page", func() bool {
		visit, ok := visits.First(killed, 503)
		first = visit
		return ok
	})
	t.Logf("figure: from the origin's death to the changed authoritative answer %v", changed.Sub(killed).Round(time.Millisecond))
	t.Logf("figure: from the origin's death to the first 503 through the resolver (TTL 5 s) %v", first.At.Sub(killed).Round(time.Millisecond))
	checkPage(t, first, w.fallbackAddr(), w.acme.Root.Subject.CommonName)

	for _, h := range []string{name, zone, "any.apps.example.org."} {
		if values, err := lab.Values(w.ns.Addr, h, dns.TypeA); err != nil || !slices.Equal(values, []string{w.fallbackAddr()}) {
			t.Errorf("%s is at %v, %v in the outage", h, values, err)
		}
		for _, rrtype := range []uint16{dns.TypeAAAA, dns.TypeHTTPS} {
			if values, err := lab.Values(w.ns.Addr, h, rrtype); err != nil || len(values) != 0 {
				t.Errorf("%s %s is %v, %v in the outage; it leads to the dead origin", h, dns.TypeToString[rrtype], values, err)
			}
		}
		h = strings.TrimSuffix(h, ".")
		checkPage(t, w.direct().Get(h), w.fallbackAddr(), w.acme.Root.Subject.CommonName)
	}
	before, now := lab.Without(w.before, managed...), lab.Without(w.ns.Dump(t), managed...)
	if diff := lab.DiffLines(before, now); diff != "" {
		t.Errorf("records that are not the site's own changed:\n%s", diff)
	}
}

// checkPage looks at what a visitor of a failed-over host gets.
func checkPage(t *testing.T, v lab.Visit, addr, root string) {
	t.Helper()
	if v.Address != addr {
		t.Errorf("the page came from %s instead of %s", v.Address, addr)
	}
	if seconds, err := strconv.Atoi(v.Header.Get("Retry-After")); err != nil || seconds < 60 || seconds > 120 {
		t.Errorf("Retry-After is %q for retry_after = 90s", v.Header.Get("Retry-After"))
	}
	if got := v.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control is %q", got)
	}
	if got := v.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type is %q", got)
	}
	if !strings.Contains(v.Body, "<html") || !strings.Contains(v.Body, "</html>") {
		t.Errorf("the page is not whole: %q", v.Body)
	}
	if v.Issuer == "" || v.Issuer == "lab root" {
		t.Errorf("the certificate is issued by %q, not under %q", v.Issuer, root)
	}
}

// checkZoneRestored waits until the whole zone is what it was, byte for byte but for the serial.
func (w *world) checkZoneRestored(t *testing.T) {
	t.Helper()
	diff := "not looked at"
	for deadline := time.Now().Add(long); diff != "" && time.Now().Before(deadline); {
		diff = lab.DiffLines(w.before, w.ns.Dump(t))
	}
	if diff != "" {
		t.Errorf("the zone is not what it was:\n%s", diff)
	}
}

// logFigures prints how long each switch took from the decision to its read-back.
func logFigures(t *testing.T, entries []failover.Entry) {
	t.Helper()
	var decided time.Time
	for _, e := range entries {
		switch {
		case e.Event == failover.EventPhase || e.Event == failover.EventCommand:
			decided = e.At
		case e.Event == failover.EventApplied && !decided.IsZero():
			t.Logf("figure: decision to read-back %v (%s)", e.At.Sub(decided).Round(100*time.Microsecond), e.Message)
			decided = time.Time{}
		}
	}
}
