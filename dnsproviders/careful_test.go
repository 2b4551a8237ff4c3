package dnsproviders_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// script is a zone whose calls fail as written, one error per call, nil for success.
type script struct {
	reads, replaces []error
	read, replaced  int
	current         []failover.RecordSet
	hang            bool // a Replace takes until its context ends
	readTimes       []time.Time
}

func (s *script) Abilities() failover.Abilities { return failover.Abilities{Atomic: true} }

func (s *script) Read(ctx context.Context, _ []string) ([]failover.RecordSet, error) {
	s.readTimes = append(s.readTimes, time.Now())
	s.read++
	if s.read <= len(s.reads) && s.reads[s.read-1] != nil {
		return nil, s.reads[s.read-1]
	}
	return s.current, nil
}

func (s *script) Replace(ctx context.Context, _ failover.Plan) error {
	s.replaced++
	if s.hang {
		<-ctx.Done()
		return kind(failover.KindLost, 0)
	}
	if s.replaced <= len(s.replaces) {
		return s.replaces[s.replaced-1]
	}
	return nil
}

func kind(k failover.ErrorKind, after time.Duration) error {
	return &failover.ZoneError{Kind: k, Zone: zonetest.Apex, Op: "test", RetryAfter: after, Err: errors.New("scripted")}
}

var errRaw = errors.New("no kind at all")

func TestReadsAreRepeatedWhenThatCanHelp(t *testing.T) {
	unavailable := kind(failover.KindUnavailable, 0)
	for _, c := range []struct {
		name  string
		reads []error
		calls int
		kind  failover.ErrorKind // of the error; "" with calls ok: success
		ok    bool
		least time.Duration // waited
		most  time.Duration
	}{
		{"well at once", nil, 1, "", true, 0, 0},
		{"unavailable twice", []error{unavailable, unavailable}, 3, "", true, 200 * time.Millisecond, 2 * time.Second},
		{"unavailable for ever", []error{unavailable, unavailable, unavailable, unavailable, unavailable}, 4, failover.KindUnavailable, false, 300 * time.Millisecond, 4 * time.Second},
		{"told to wait a little", []error{kind(failover.KindRateLimited, 2*time.Second)}, 2, "", true, 2 * time.Second, 2 * time.Second},
		{"told to wait, then unavailable", []error{kind(failover.KindRateLimited, 2*time.Second), unavailable}, 3, "", true, 2100 * time.Millisecond, 4 * time.Second},
		{"told to wait long", []error{kind(failover.KindRateLimited, 5*time.Minute)}, 1, failover.KindRateLimited, false, 0, 0},
		{"rate limited without a word", []error{kind(failover.KindRateLimited, 0)}, 1, failover.KindRateLimited, false, 0, 0},
		{"unavailable for long", []error{kind(failover.KindUnavailable, time.Hour)}, 1, failover.KindUnavailable, false, 0, 0},
		{"unauthorized", []error{kind(failover.KindUnauthorized, 0)}, 1, failover.KindUnauthorized, false, 0, 0},
		{"rejected", []error{kind(failover.KindRejected, 0)}, 1, failover.KindRejected, false, 0, 0},
		{"no kind", []error{errRaw}, 1, "", false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := &script{reads: c.reads}
				start := time.Now()
				_, err := dnsproviders.Careful(z, dnsproviders.CarefulOptions{}).Read(t.Context(), nil)
				took := time.Since(start)
				if (err == nil) != c.ok || failover.KindOf(err) != c.kind || z.read != c.calls {
					t.Errorf("%d calls, want %d; error %v", z.read, c.calls, err)
				}
				if took < c.least || took > c.most {
					t.Errorf("took %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		z := &script{reads: []error{kind(failover.KindRateLimited, 4*time.Second)}}
		_, err := dnsproviders.Careful(z, dnsproviders.CarefulOptions{}).Read(ctx, nil)
		if failover.KindOf(err) != failover.KindRateLimited || time.Since(start) > time.Second || z.read != 1 {
			t.Errorf("after %v and %d calls: %v", time.Since(start), z.read, err)
		}
	})
}

func TestAnEndedContextCallsNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	z := &script{}
	c := dnsproviders.Careful(z, dnsproviders.CarefulOptions{})
	_, readErr := c.Read(ctx, nil)
	replaceErr := c.Replace(ctx, failover.Plan{})
	if !errors.Is(readErr, context.Canceled) || !errors.Is(replaceErr, context.Canceled) || z.read+z.replaced > 0 {
		t.Errorf("%v, %v, %d calls", readErr, replaceErr, z.read+z.replaced)
	}
}

func TestALostReplaceIsSettledByReading(t *testing.T) {
	www := "www." + zonetest.Apex
	before := []failover.RecordSet{zonetest.Set(www, "A", 60, "192.0.2.1")}
	after := []failover.RecordSet{zonetest.Set(www, "A", 60, "198.51.100.7")}
	foreign := []failover.RecordSet{zonetest.Set(www, "A", 60, "203.0.113.9")}
	plan := failover.Plan{ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{www}, Before: before, After: after}
	lost, gone := kind(failover.KindLost, 0), kind(failover.KindUnavailable, 0)
	for _, c := range []struct {
		name    string
		z       script
		kind    failover.ErrorKind
		ok      bool
		reads   int
		isDrift bool
	}{
		{"success needs no look", script{current: foreign}, "", true, 0, false},
		{"done", script{replaces: []error{lost}, current: after}, "", true, 1, false},
		{"not done", script{replaces: []error{lost}, current: before}, failover.KindUnavailable, false, 1, false},
		{"something else", script{replaces: []error{lost}, current: foreign}, failover.KindDrift, false, 1, true},
		{"an error of no kind is unknown too", script{replaces: []error{errRaw}, current: after}, "", true, 1, false},
		{"nobody can tell", script{replaces: []error{lost}, reads: []error{gone, gone, gone, gone}}, failover.KindLost, false, 4, false},
		{"the first look fails", script{replaces: []error{lost}, reads: []error{gone}, current: after}, "", true, 2, false},
		{"hangs, was done", script{hang: true, current: after}, "", true, 1, false},
		{"refused", script{replaces: []error{kind(failover.KindUnauthorized, 0)}, current: after}, failover.KindUnauthorized, false, 0, false},
		{"unavailable", script{replaces: []error{gone}, current: before}, failover.KindUnavailable, false, 0, false},
		{"drift", script{replaces: []error{kind(failover.KindDrift, 0)}, current: foreign}, failover.KindDrift, false, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := c.z
				err := dnsproviders.Careful(&z, dnsproviders.CarefulOptions{Timeout: 3 * time.Second}).Replace(t.Context(), plan)
				if (err == nil) != c.ok || failover.KindOf(err) != c.kind || errors.Is(err, failover.ErrDrift) != c.isDrift {
					t.Errorf("error %v", err)
				}
				if z.replaced != 1 || z.read != c.reads {
					t.Errorf("%d replaces and %d reads, want 1 and %d", z.replaced, z.read, c.reads)
				}
			})
		})
	}
}
